// While a rank computes its last gradients, those that are whole are added up.
import type { HostArrays } from "@clip-ts/core";
import { flatLoader, interpretTarget, type Exchange, type Target } from "@clip-ts/jit";
import { clipSpec, contrastive, preset } from "@clip-ts/model";
import { localExchange } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { createTraining, type TrainingState } from "./create-training.ts";

const config = preset("nano");
const rows = 2;

function batchOf(rank: number, step: number): HostArrays {
  const ids = Array.from({ length: rows }, (_, row) => [598, 1 + ((3 * rank + row + step) % 7), 599]).flat();
  const pixels = Float32Array.from({ length: rows * 3 * 64 }, (_, at) => Math.sin(at * (step + 1) + rank));
  return {
    pixelValues: { data: pixels, shape: [rows, 3, 8, 8] },
    inputIds: { data: Int32Array.from(ids), shape: [rows, 3] },
  };
}

type Note = (event: string) => void;

/** The interpreter, which notes when it has computed gradients and when it moves parameters. */
const noting =
  (note: Note): Target =>
  async (graph) => {
    const compiled = await interpretTarget(graph);
    const gives = (start: string): boolean => graph.outputs.some(({ name }) => name.startsWith(start));
    const isCompared = gives("loss");
    return {
      ...compiled,
      async run(...given) {
        const results = await compiled.run(...given);
        if (gives("next:grad:") && !isCompared) note("computed");
        if (gives("next:param")) note("moved");
        return results;
      },
    };
  };

/** Two steps of ranks. */
async function train(exchanges: readonly Exchange[], note: (rank: number, event: string) => void) {
  const all = await Promise.all(
    exchanges.map((exchange) =>
      createTraining({
        objective: contrastive(config),
        spec: clipSpec(config),
        seed: 2,
        clipNorm: 0.5,
        schedule: { kind: "constant", learningRate: 0.01, warmupSteps: 0, steps: 8 },
        engine: { load: flatLoader(noting((event) => note(exchange.rank, event))) },
        exchange,
      }),
    ),
  );
  for (const step of [0, 1]) await Promise.all(all.map((rank, at) => rank.step(batchOf(at, step))));
  const states: TrainingState[] = structuredClone(await Promise.all(all.map((rank) => rank.read())));
  await Promise.all(all.map((rank) => rank.dispose()));
  return states;
}

const bucketBytes = 4_000;

/** Waits until something has happened so many times. */
function createGate(): { note(): void; passed(times: number): Promise<void> } {
  let happened = 0;
  let waiting: { readonly times: number; go(): void }[] = [];
  return {
    note() {
      happened += 1;
      for (const { go } of waiting.filter(({ times }) => times <= happened)) go();
      waiting = waiting.filter(({ times }) => times > happened);
    },
    passed: (times) => (happened >= times ? Promise.resolve() : new Promise((go) => waiting.push({ times, go }))),
  };
}

const count = (events: readonly string[], wanted: string): number => events.filter((event) => event === wanted).length;

test("gradients are added up while others are computed, all before the update, which stays as it is", async () => {
  const plain: string[] = [];
  const expected = await train(localExchange(2), (rank, event) => rank === 0 && plain.push(event));
  expect(count(plain, "computed")).toBe(2); // all at once, once a step
  const early: string[] = [];
  const bucketed = localExchange(2).map((exchange) => ({ ...exchange, bucketBytes }));
  expect(await train(bucketed, (rank, event) => rank === 0 && early.push(event))).toEqual(expected);
  const pieces = count(early, "computed") / 2;
  expect(pieces).toBeGreaterThan(3);

  // A network so slow that the first sum of a step ends when all its gradients are computed.
  const events: string[][] = [[], []];
  const gates = [createGate(), createGate()];
  const note = (rank: number, event: string): void => {
    events[rank]!.push(event);
    if (event === "computed") gates[rank]!.note();
  };
  const slow = localExchange(2).map((exchange): Exchange => ({
    ...exchange,
    bucketBytes,
    numbers: { give: () => ({ asked: 0 }), take: () => note(exchange.rank, "told") },
    async sum(own) {
      note(exchange.rank, "sum begins");
      const step = count(events[exchange.rank]!, "told");
      await gates[exchange.rank]!.passed((step + 1) * pieces);
      const sums = await exchange.sum(own);
      note(exchange.rank, "sum ends");
      return sums;
    },
  }));
  expect(await train(slow, note)).toEqual(expected);
  const others = Array.from({ length: pieces - 1 });
  expect(events[0]!.slice(0, events[0]!.indexOf("moved"))).toEqual([
    "computed",
    "sum begins",
    ...others.map(() => "computed"),
    ...others.flatMap(() => ["sum ends", "sum begins"]),
    "sum ends",
    "told",
  ]);
});

test("a sum that fails ends the step, whatever is still computed", async () => {
  const exchanges = localExchange(2).map((exchange): Exchange => ({
    ...exchange,
    bucketBytes,
    sum: () => Promise.reject(new Error("Another rank is gone.")),
  }));
  await expect(train(exchanges, () => undefined)).rejects.toThrow("Another rank is gone.");
});

test("buckets follow the backward pass: little passes between its pieces", async () => {
  const passed: number[] = [];
  const target: Target = (graph) => {
    const names = graph.outputs.map(({ name }) => name);
    if (names.some((name) => name.startsWith("next:grad:")))
      passed.push(names.filter((name) => name.startsWith("passed")).length);
    return interpretTarget(graph);
  };
  const [exchange] = localExchange(1);
  const training = await createTraining({
    objective: contrastive(config),
    spec: clipSpec(config),
    schedule: { kind: "constant", learningRate: 0.01, warmupSteps: 0, steps: 8 },
    engine: { load: flatLoader(target) },
    exchange: { ...exchange!, bucketBytes },
  });
  await training.step(batchOf(0, 0));
  await training.dispose();
  expect(passed.length).toBeGreaterThan(4);
  // gradients of a tower's activations, of which a layer has a few
  expect(Math.max(...passed)).toBeLessThanOrEqual(6);
});
