import { randomStream } from "@clip-ts/base";
import fc from "fast-check";
import { expect, test } from "vitest";
import { permutationOf } from "./permutation.ts";
import { planShards, type PlanOptions, type ShardPlan } from "./plan-shards.ts";

const planOf = (counts: readonly number[], options: Partial<PlanOptions> = {}): ShardPlan =>
  planShards({ groups: [{ label: "one", counts, weight: 1 }], seed: 1, epoch: 0, ...options });

const namesOf = (plan: ShardPlan): string[] =>
  Array.from({ length: plan.length }, (_, position) => {
    const { group, shard, sample } = plan.at(position);
    return `${group}/${shard}/${sample}`;
  });

const allOf = (counts: readonly number[], group = 0): string[] =>
  counts.flatMap((count, shard) => Array.from({ length: count }, (_, sample) => `${group}/${shard}/${sample}`));

const times = (names: readonly string[]): Map<string, number> => {
  const counted = new Map<string, number>();
  for (const name of names) counted.set(name, (counted.get(name) ?? 0) + 1);
  return counted;
};

/** Numbers of samples: among them none and one. */
const anyCounts = fc
  .array(fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 0, max: 40 })), { minLength: 1, maxLength: 30 })
  .filter((counts) => counts.some((count) => count > 0));
const anySettings = fc.record({
  seed: fc.integer(),
  epoch: fc.nat(50),
  shuffle: fc.boolean(),
  windowShards: fc.integer({ min: 1, max: 8 }),
  windowSamples: fc.integer({ min: 1, max: 200 }),
});

test("a permutation is one, of any length", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer(), (count, seed) => {
      const permute = permutationOf(count, randomStream(seed));
      const images = Array.from({ length: count }, (_, place) => permute(place));
      expect(images.toSorted((one, other) => one - other)).toEqual([...images.keys()]);
    }),
  );
  const large = permutationOf(2 ** 40 + 7, randomStream(1));
  const images = Array.from({ length: 1000 }, (_, place) => large(place));
  expect(new Set(images).size).toBe(1000);
  expect(Math.max(...images)).toBeLessThan(2 ** 40 + 7);
});

test("all orders of a few places come about equally often, and pairs do not stay together", () => {
  const orders = new Map<string, number>();
  for (let seed = 0; seed < 12_000; seed++) {
    const permute = permutationOf(4, randomStream(seed, "order"));
    const order = [0, 1, 2, 3].map(permute).join("");
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  // 24 orders, 500 times each; chi-square of 23 degrees of freedom is below 50 but once in 1,000.
  const chi = [...orders.values()].reduce((sum, seen) => sum + (seen - 500) ** 2 / 500, 0);
  expect(orders.size).toBe(24);
  expect(chi).toBeLessThan(50);

  const permute = permutationOf(10_000, randomStream(5));
  const steps = Array.from({ length: 9999 }, (_, place) => Math.abs(permute(place + 1) - permute(place)));
  const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length;
  expect(Math.abs(mean - 10_000 / 3)).toBeLessThan(150);
});

test("an epoch holds every sample once, whatever the shards and windows", () => {
  fc.assert(
    fc.property(anyCounts, anySettings, (counts, settings) => {
      const names = namesOf(planOf(counts, settings));
      expect(names.toSorted()).toEqual(allOf(counts).toSorted());
    }),
  );
});

test("a position tells its window, a window its bounds and its shards", () => {
  fc.assert(
    fc.property(anyCounts, anySettings, fc.boolean(), fc.double({ min: 0.3, max: 3, noNaN: true }), (...drawn) => {
      const [counts, settings, resampled, weight] = drawn;
      const groups = [
        { label: "a", counts, weight: 1 },
        { label: "b", counts: [3, 0, 9, 1], weight },
      ];
      const plan = planShards({ groups, ...settings, resampled });
      let expected = 0;
      for (let window = 0; window < plan.windows; window++) {
        const { from, to } = plan.boundsOf(window);
        expect(from).toBe(expected);
        expected = to;
        const shards = new Set(plan.shardsOf(window).map(({ group, shard }) => `${group}/${shard}`));
        expect(shards.size).toBe(plan.shardsOf(window).length);
        for (let position = from; position < to; position++) {
          const { group, shard, sample } = plan.at(position);
          expect(plan.windowOf(position)).toBe(window);
          expect(shards.has(`${group}/${shard}`)).toBe(true);
          expect(sample).toBeLessThan(groups[group]!.counts[shard]!);
        }
      }
      expect(expected).toBe(plan.length);
    }),
  );
});

test("windows have as many shards as they should, and enough samples", () => {
  const counts = Array.from({ length: 50 }, () => 10);
  const sizes = (options: Partial<PlanOptions>): number[] => {
    const plan = planOf(counts, options);
    return Array.from({ length: plan.windows }, (_, window) => plan.shardsOf(window).length);
  };
  expect(sizes({ windowShards: 16, windowSamples: 100 })).toEqual([16, 16, 18]);
  expect(sizes({ windowShards: 16, windowSamples: 1 })).toEqual([16, 16, 16, 2]);
  expect(sizes({ windowShards: 1, windowSamples: 45 })).toEqual(Array.from({ length: 10 }, () => 5));
  expect(sizes({})).toEqual([50]);
});

test("epochs and seeds have other orders; unshuffled, the set's own", () => {
  const counts = [7, 0, 5, 1];
  const order = (options: Partial<PlanOptions>): string[] => namesOf(planOf(counts, options));
  expect(order({})).toEqual(order({}));
  expect(order({})).not.toEqual(order({ epoch: 1 }));
  expect(order({})).not.toEqual(order({ seed: 2 }));
  expect(order({ shuffle: false, windowShards: 1, windowSamples: 1 })).toEqual(allOf(counts));
});

test("groups come in proportion to their weights, exactly so over whole rounds", () => {
  fc.assert(
    fc.property(anyCounts, anySettings, fc.constantFrom(0.25, 0.5, 1, 1.5, 2, 3), (counts, settings, weight) => {
      const samples = counts.reduce((sum, count) => sum + count, 0);
      const other = [4, 8]; // divisible by all of these weights
      const groups = [
        { label: "a", counts, weight: 1 },
        { label: "b", counts: other, weight },
      ];
      const plans = [0, 1, 2, 3].map((epoch) => planShards({ groups, ...settings, epoch }));
      for (const plan of plans) expect(plan.length).toBe(samples + 12 * weight);
      const counted = times(plans.flatMap(namesOf));
      for (const name of allOf(counts)) expect(counted.get(name)).toBe(4);
      for (const name of allOf(other, 1)) expect(counted.get(name)).toBe(4 * weight);
    }),
  );
});

test("groups are spread over the epoch", () => {
  const counts = Array.from({ length: 20 }, () => 10);
  const groups = [
    { label: "a", counts, weight: 1 },
    { label: "b", counts, weight: 0.5 },
  ];
  const plan = planShards({ groups, seed: 1, epoch: 3, windowShards: 4, windowSamples: 40 });
  for (let window = 0; window < plan.windows; window++) {
    const { from, to } = plan.boundsOf(window);
    const groupsThere = Array.from({ length: to - from }, (_, place) => plan.at(from + place).group);
    expect(groupsThere.filter((group) => group === 1)).toHaveLength((to - from) / 3);
    // not first the one, then the other
    expect(groupsThere).not.toEqual(groupsThere.toSorted((one, other) => one - other));
  }
});

test("what comes again in an epoch is told apart, and only that", () => {
  fc.assert(
    fc.property(anyCounts, anySettings, fc.constantFrom(0.4, 1, 1.7, 3), fc.boolean(), (...drawn) => {
      const [counts, settings, weight, resampled] = drawn;
      fc.pre(Math.round(weight * counts.reduce((sum, count) => sum + count, 0)) > 0);
      const plan = planShards({ groups: [{ label: "a", counts, weight }], ...settings, resampled });
      const planned = Array.from({ length: plan.length }, (_, position) => plan.at(position));
      expect(new Set(planned.map((one) => JSON.stringify(one))).size).toBe(plan.length);
      if (weight === 1 && !resampled) expect(planned.every(({ repeat }) => repeat === 0)).toBe(true);
    }),
  );
});

test("resampled shards come as often as others on average, and epochs stay as long", () => {
  const counts = [5, 20, 10, 0, 15];
  const drawn = new Map<string, number>();
  for (let epoch = 0; epoch < 400; epoch++) {
    const plan = planOf(counts, { epoch, resampled: true, windowShards: 2, windowSamples: 1 });
    expect(plan.length).toBe(50);
    if (epoch < 5)
      expect(namesOf(plan)).toEqual(
        namesOf(planOf(counts, { epoch, resampled: true, windowShards: 2, windowSamples: 1 })),
      );
    for (const [name, seen] of times(namesOf(plan))) drawn.set(name, (drawn.get(name) ?? 0) + seen);
  }
  for (const name of allOf(counts)) expect(Math.abs(drawn.get(name)! / 400 - 1)).toBeLessThan(0.25);
});

test("a weight that draws nothing is refused", () => {
  for (const weight of [0, -1, Number.NaN, 0.01]) {
    const groups = [{ label: "few", counts: [3], weight }];
    expect(() => planShards({ groups, seed: 1, epoch: 0 })).toThrow(/few: expected a weight above 0 that draws/);
  }
});

test("ten million samples in a thousand shards: at once, and no list of samples", () => {
  const counts = Array.from({ length: 1000 }, () => 10_000);
  const before = performance.now();
  const plan = planOf(counts);
  const started = performance.now() - before;
  const asked = Array.from({ length: 10_000 }, (_, index) => plan.at(index * 1000));
  console.log(
    `plan: ${started.toFixed(1)} ms; ${((performance.now() - before - started) / 10).toFixed(2)} us a position`,
  );
  expect(plan.length).toBe(10_000_000);
  expect(plan.windows).toBe(62);
  expect(plan.shardsOf(3)).toHaveLength(16);
  expect(new Set(asked.map(({ shard }) => shard)).size).toBe(1000);
});
