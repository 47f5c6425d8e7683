import { initHostParams, param, type HostArray, type HostArrays } from "@clip-ts/core";
import { flatLoader, interpretTarget, loadEager, type LoadProgram } from "@clip-ts/jit";
import { clipSpec, contrastive, preset, type ClipParams } from "@clip-ts/model";
import { localExchange } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { checkpointOf, stateOf } from "./checkpoint.ts";
import {
  createTraining,
  stateLayout,
  type Training,
  type TrainingOptions,
  type TrainingState,
} from "./create-training.ts";
import { train } from "./train.ts";

const config = preset("nano");
const rows = 4;

/** Pairs of step `step`, of which there are enough for every rank. */
function batchOf(step: number, from = 0, to = rows): HostArrays {
  const size = 3 * 8 * 8;
  const pixels = Float32Array.from({ length: rows * size }, (_, at) => Math.sin(at * (step + 1)));
  const ids = Array.from({ length: rows }, (_, row) => [598, 1 + ((row + step) % 7), 599]).flat();
  return {
    pixelValues: { data: pixels.slice(from * size, to * size), shape: [to - from, 3, 8, 8] },
    inputIds: { data: Int32Array.from(ids.slice(from * 3, to * 3)), shape: [to - from, 3] },
  };
}

type Options = TrainingOptions<ClipParams, never, never>;
type Changes = Partial<Omit<Options, "objective" | "spec">>;

const objective = contrastive(config);
const begin = (changes: Changes = {}): Promise<Training<ClipParams>> =>
  createTraining({
    objective,
    spec: clipSpec(config),
    seed: 2,
    schedule: { kind: "cosine", learningRate: 0.01, warmupSteps: 2, steps: 8 },
    ...changes,
  } as Options);

const engines: Readonly<Record<string, LoadProgram>> = {
  eager: loadEager,
  compiled: flatLoader(interpretTarget),
};
const everyEngine = Object.entries(engines);
const everything = { clipNorm: 0.5, ema: { decay: 0.9 }, accumulate: 2 } as const;

const copy = (state: TrainingState): TrainingState => structuredClone(state);

async function losses(training: Training, steps: readonly number[]): Promise<number[]> {
  const told: number[] = [];
  for (const step of steps) told.push((await training.step(batchOf(step))).loss);
  return told;
}

test.each(everyEngine)("goes on from what was read, bit for bit (%s)", async (_name, load) => {
  const options = { ...everything, engine: { load } };
  const whole = await begin(options);
  const expected = await losses(whole, [0, 1, 2, 3, 4, 5]);
  const first = await begin(options);
  const told = await losses(first, [0, 1, 2]);
  const state = copy(await first.read());
  await losses(first, [3, 4]);
  const second = await begin({ ...options, state });
  expect(second.steps()).toBe(3);
  told.push(...(await losses(second, [3, 4, 5])));
  expect(told).toEqual(expected);
  expect(await second.read()).toEqual(await whole.read());
  await first.write(state); // another training takes it over as well
  expect(await losses(first, [3, 4, 5])).toEqual(expected.slice(3));
  await Promise.all([whole, first, second].map((training) => training.dispose()));
});

test.each(everyEngine)(
  "two ranks take the steps of one that accumulates over two, bit for bit (%s)",
  async (_name, load) => {
    const options = { clipNorm: 0.5, ema: { decay: 0.9 }, engine: { load } };
    const alone = await begin({ ...options, accumulate: 2 });
    const ranks = await Promise.all(localExchange(2).map((exchange) => begin({ ...options, exchange })));
    for (let step = 0; step < 3; step++) {
      const expected = await alone.step(batchOf(step));
      const own = ranks.map((rank, at) => rank.step(batchOf(step, 2 * at, 2 * at + 2)));
      for (const numbers of await Promise.all(own)) expect(numbers).toEqual(expected);
    }
    const expected = await alone.read();
    for (const rank of ranks) expect(await rank.read()).toEqual(expected);
    await Promise.all([alone, ...ranks].map((training) => training.dispose()));
  },
);

test("one rank alone takes the steps of a whole batch: its graph is cut, and nothing else", async () => {
  const engine = { load: engines["compiled"]! };
  const [exchange] = localExchange(1);
  const [whole, cut] = [await begin({ engine }), await begin({ engine, exchange: exchange! })];
  expect(await losses(cut, [0, 1, 2])).toEqual(await losses(whole, [0, 1, 2]));
  expect((await cut.read()).params).toEqual((await whole.read()).params);
  await Promise.all([whole, cut].map((training) => training.dispose()));
});

const difference = (one: HostArray, other: HostArray): number =>
  Math.max(...Array.from(one.data, (value, at) => Math.abs(value - (other.data[at] ?? 0))));

test("what is locked stays, adapters learn in place of weights, and a checkpoint brings both back", async () => {
  const lora = { rank: 2, alpha: 4 };
  const training = await begin({ lora, ema: { decay: 0.5 } });
  const start = initHostParams(clipSpec(config), 2);
  await losses(training, [0, 1]);
  const state = copy(await training.read());
  const { plan } = training;
  const [adapted] = plan.adapted as [string];
  expect(state.params[adapted]).toEqual(start[adapted]);
  const checkpoint = checkpointOf(plan, state);
  expect(difference(checkpoint.model[adapted]!, start[adapted]!)).toBeGreaterThan(0);
  expect(Object.keys(checkpoint.adapters)).toEqual(Object.keys(plan.adapters));
  expect(checkpoint.ema![adapted]).not.toEqual(checkpoint.model[adapted]);
  expect(stateOf(plan, checkpoint, start)).toEqual(state);
  const expected = await losses(training, [2]);
  const again = await begin({ lora, ema: { decay: 0.5 }, state: stateOf(plan, checkpoint, start) });
  expect(await losses(again, [2])).toEqual(expected);
  await Promise.all([training, again].map((each) => each.dispose()));

  const locked = await begin({ unlocked: { image: 0 } });
  await losses(locked, [0]);
  const { params } = await locked.read();
  const moved = Object.keys(params).filter((path) => difference(params[path]!, start[path]!) > 0);
  expect(moved.some((path) => path.startsWith("text_model."))).toBe(true);
  expect(moved.some((path) => path.startsWith("vision_model."))).toBe(false);
  await locked.dispose();
});

test("the models that are evaluated are those of the state, with the average beside", async () => {
  const training = await begin({ ema: { decay: 0.9 } });
  await losses(training, [0, 1]);
  const { params, slots } = await training.read();
  const models = await training.evaluate((found) => found);
  const average = { ...models.ema };
  expect(models.model).toEqual(params);
  expect(average).toEqual(expect.objectContaining(slots["ema"]!));
  await training.dispose();
});

test("a step that diverges names gradients and changes nothing", async () => {
  for (const [, load] of everyEngine) {
    const training = await begin({ engine: { load } });
    await losses(training, [0]);
    const before = copy(await training.read());
    const broken = batchOf(1);
    broken["pixelValues"]!.data[0] = Number.NaN;
    await expect(training.step(broken)).rejects.toMatchObject({
      code: "diverged",
      message: expect.stringMatching(/at step 1: loss NaN.*\n  Gradients: .* not finite/u),
    });
    expect(await training.read()).toEqual(before);
    expect(training.steps()).toBe(1);
    await training.dispose();
    await expect(training.step(broken)).rejects.toMatchObject({ code: "disposed" });
  }
});

test("arrays that nothing reads, and rows that do not match, are named", async () => {
  const training = await begin();
  const { pixelValues, inputIds } = batchOf(0) as Record<"pixelValues" | "inputIds", HostArray>;
  await expect(training.step({ pixelValues, input_ids: inputIds })).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringMatching(/does not read input_ids: it knows pixelValues, inputIds/u),
  });
  const { inputIds: fewer } = batchOf(0, 0, 3);
  await expect(training.step({ pixelValues, inputIds: fewer! })).rejects.toMatchObject({
    code: "bad-shape",
    message: expect.stringMatching(/"pixelValues" has 4, "inputIds" \[3, 3\]/u),
  });
  await expect(training.step({})).rejects.toMatchObject({ code: "bad-shape" });
  await training.dispose();
});

test("bounds of one's own hold in place of the objective's; what the state holds can be asked", async () => {
  const bounds = { logit_scale: { min: 2.65, max: 2.66 } };
  const training = await begin({ bounds });
  await losses(training, [0, 1, 2]);
  const scale = (await training.read()).params["logit_scale"]!.data[0]!;
  expect(scale).toBeGreaterThanOrEqual(Math.fround(2.65));
  expect(scale).toBeLessThanOrEqual(Math.fround(2.66));
  await training.dispose();
  const spec = { w: param([2], { kind: "constant", value: 1 }, "matrix") };
  const layout = stateLayout({
    objective: objective as never,
    spec: spec as never,
    schedule: { kind: "constant", learningRate: 1, warmupSteps: 0, steps: 1 },
    ema: { decay: 0.9 },
  });
  expect(layout.slots).toEqual(["first", "second", "ema"]);
  expect(Object.keys(layout.plan.trained)).toEqual(["w"]);
});

test("the loop reports, evaluates, saves and stops when it is asked", async () => {
  const training = await begin();
  const events: string[] = [];
  let next = 0;
  await train({
    steps: 8,
    training,
    batches: { next: async () => batchOf(next++) },
    report: ({ step, numbers }) => void events.push(`${step} ${Number.isFinite(numbers.loss)}`),
    evaluate: { every: 2, run: async () => events.push("evaluated") > 100 },
    saving: { every: 3, save: async (isLast) => events.push(`saved ${isLast}`) > 0 },
    shouldStop: () => training.steps() >= 5,
  });
  expect(events.join(", ")).toBe(
    "0 true, 1 true, evaluated, 2 true, saved false, 3 true, evaluated, 4 true, saved true",
  );
  await training.dispose();
});

test("options, starting values and states that do not fit are named", async () => {
  const training = await begin();
  const state = copy(await training.read());
  const { params, slots } = state;
  const first = Object.keys(params)[0] as string;
  const { [first]: gone, ...rest } = params;
  const wrong: readonly (readonly [Changes, RegExp])[] = [
    [{ accumulate: 0 }, /^accumulate should be micro-batches, 1 or more; got 0/u],
    [{ accumulate: 1.5 }, /^accumulate .*got 1\.5/u],
    [{ clipNorm: 0 }, /^clipNorm should be a length above 0; got 0/u],
    [{ clipNorm: Number.NaN }, /^clipNorm .*got NaN/u],
    [{ ema: { decay: 1.1 } }, /^ema\.decay should be a number from 0 to 1; got 1\.1/u],
    [{ params: { strange: gone! } }, /^params hold strange, which the model does not have/u],
    [{ params: { [first]: { ...gone!, shape: [1] } } }, /^params: ".*" should be float32 \[16\]/u],
    [{ state: { ...state, params: rest } }, /^The state's params lack /u],
    [{ state: { ...state, step: -1 } }, /^state\.step .*got -1/u],
    [{ state: { ...state, slots: {} } }, /remembers nothing; .* keep first, second/u],
    [{ state, ema: { decay: 0.9 } }, /remembers first, second; .* keep first, second, ema/u],
    [{ state: { ...state, slots: { ...slots, first: {} } } }, /^The state's first lack /u],
  ];
  for (const [changes, message] of wrong) {
    await expect(begin(changes)).rejects.toMatchObject({
      code: "bad-argument",
      message: expect.stringMatching(message),
    });
  }
  await expect(training.write({ ...state, params: rest })).rejects.toThrow(/lack/u);
  await training.dispose();
});
