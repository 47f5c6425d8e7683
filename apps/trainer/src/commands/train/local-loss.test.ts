// Ranks that each compare their own pairs with those of all learn as one process that compares all with all.
import { randomStream } from "@clip-ts/base";
import type { HostArray, HostArrays } from "@clip-ts/core";
import { inspectEngine, startEngine } from "@clip-ts/engines";
import { rowsAt, type Exchange } from "@clip-ts/jit";
import {
  chunked,
  clipSpec,
  contrastive,
  distilled,
  multiPositive,
  pairObjective,
  preset,
  sigmoid,
  type ClipConfig,
  type ClipObjective,
  type ClipParams,
} from "@clip-ts/model";
import { largestDifference, localExchange, relativeError, useEngine } from "@clip-ts/test-utils";
import {
  createTraining,
  type StepNumbers,
  type Training,
  type TrainingOptions,
  type TrainingState,
} from "@clip-ts/training";
import { add, mul, sum } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";

const engines = ["cpu", "wasm", "onnx", "tensorflow"] as const;
const tensorflow = inspectEngine("tensorflow");
if (!tensorflow.available) console.warn(`Skipped: local losses on TensorFlow, as ${tensorflow.detail}.`);
const here = engines.filter((name) => name !== "tensorflow" || tensorflow.available);

afterAll(() => useEngine("cpu"));

const nano = preset("nano");
const biased: ClipConfig = { ...nano, loss: { kind: "sigmoid" }, initialLogitBias: -10 } as ClipConfig;
const [ranks, rows, steps] = [4, 8, 2];
const joint = nano.projectionDim;

const normals = (shape: readonly number[], name: string, step: number): HostArray => {
  const random = randomStream(5, name, step);
  const length = shape.reduce((size, side) => size * side, 1);
  return { data: Float32Array.from({ length }, () => random.normal()), shape };
};

function pairsOf(step: number): HostArrays {
  const side = nano.vision.imageSize as number;
  const ids = Array.from({ length: rows }, (_, row) => [598, 4 + ((row + step) % 7), 5 + (row % 3), 599]);
  return {
    pixelValues: normals([rows, 3, side, side], "pixels", step),
    inputIds: { data: Int32Array.from(ids.flat()), shape: [rows, 4] },
  };
}

/** What the objective reads of all pairs. */
function sharedOf({ inputs }: ClipObjective, step: number): HostArrays {
  const all: HostArrays = {
    groups: { data: Int32Array.from([0, 1, 0, 2, 3, 1, 4, 5]), shape: [rows] },
    teacherImages: normals([rows, joint], "images", step),
    teacherTexts: normals([rows, joint], "texts", step),
    teacherScale: { data: Float32Array.of(0.3), shape: [] },
  };
  return Object.fromEntries(inputs.shared.map((name) => [name, all[name]!]));
}

type Options = TrainingOptions<ClipParams, never, never>;

/** A way of learning. */
interface Case {
  readonly objective: ClipObjective;
  readonly config?: ClipConfig;
  readonly options?: Partial<Options>;
}

const cases: Readonly<Record<string, Case>> = {
  contrastive: { objective: contrastive(nano) },
  "smoothed, in chunks of one": { objective: chunked(contrastive(nano, { labelSmoothing: 0.1 }), 1) },
  "multi-positive": { objective: multiPositive(nano) },
  "sigmoid with a teacher": { objective: distilled(sigmoid(biased), { weight: 0.5 }), config: biased },
  "distillation in micro-batches": { objective: distilled(contrastive(nano)), options: { accumulate: 2 } },
  "sigmoid, both towers locked": {
    objective: sigmoid(biased),
    config: biased,
    options: { unlocked: { image: 0, text: 0 } },
  },
};

const begin = ({ objective, config = nano, options }: Case, more: Partial<Options>): Promise<Training<ClipParams>> =>
  createTraining({
    objective,
    spec: clipSpec(config),
    seed: 2,
    optimizer: { kind: "sgd" }, // AdamW makes much of the rounding of gradients near 0
    schedule: { kind: "constant", learningRate: 0.01, steps: 8 },
    ...options,
    ...more,
  } as unknown as Options);

interface Taken {
  readonly told: readonly StepNumbers[];
  readonly state: TrainingState;
}

/** Steps of ranks that share each batch, or of one process. */
async function take(given: Case, exchanges: readonly (Exchange | undefined)[], more: Partial<Options>) {
  const all = await Promise.all(exchanges.map((exchange) => begin(given, { ...more, exchange })));
  const told: StepNumbers[][] = all.map(() => []);
  const count = rows / exchanges.length;
  for (let step = 0; step < steps; step++) {
    const [pairs, shared] = [pairsOf(step), sharedOf(given.objective, step)];
    const own = all.map((rank, at) => rank.step({ ...rowsAt(pairs, at * count, count), ...shared }));
    (await Promise.all(own)).forEach((numbers, at) => told[at]!.push(numbers));
  }
  const states = await Promise.all(all.map((rank) => rank.read()));
  const taken = all.map((_, at): Taken => ({ told: told[at]!, state: structuredClone(states[at]!) }));
  await Promise.all(all.map((rank) => rank.dispose()));
  return taken;
}

/** On TensorFlow, where each rank writes and loads a model of its own, those that hold every loss. */
const casesOn = (engine: (typeof engines)[number]): [string, Case][] =>
  Object.entries(cases).filter(([name]) => engine !== "tensorflow" || /multi|teacher|micro/u.test(name));

for (const engine of here) {
  test.each(casesOn(engine))(
    `four ranks on ${engine} that compare their own pairs are one that compares all: %s`,
    async (name, given) => {
      const { compiler } = await startEngine(engine);
      const accumulate = ranks * (given.options?.accumulate ?? 1);
      const [alone] = await take(given, [undefined], { engine: compiler, accumulate });
      const [first, ...others] = await take(given, localExchange(ranks), { engine: compiler, localLoss: true });
      for (const other of others) expect(other).toEqual(first);
      for (const [step, { loss, gradNorm, accuracy, logitScale }] of first!.told.entries()) {
        const whole = alone!.told[step]!;
        expect(relativeError([loss], [whole.loss], 1)).toBeLessThan(1e-6);
        expect(relativeError([gradNorm], [whole.gradNorm])).toBeLessThan(1e-5);
        expect(logitScale).toBeCloseTo(whole["logitScale"]!, 6);
        if (!name.includes("chunks")) expect(accuracy).toBe(whole["accuracy"]); // there that of the first chunk
      }
      for (const [path, { data }] of Object.entries(first!.state.params)) {
        expect(largestDifference(data, alone!.state.params[path]!.data), path).toBeLessThan(1e-5);
      }
    },
    240_000,
  );
}

test("one process, and ranks that are told to compare all, never compare in local form", async () => {
  const given = cases["contrastive"]!;
  const alone = await take(given, [undefined], {});
  expect(await take(given, [undefined], { localLoss: true })).toEqual(alone);
  expect(await take(given, localExchange(1), { localLoss: true })).toEqual(await take(given, localExchange(1), {}));
  const all = await take(given, localExchange(2), { localLoss: false });
  expect(await take(given, localExchange(2), {})).toEqual(all);
  expect(await take(given, localExchange(2), { localLoss: true })).not.toEqual(all);
});

test("an objective without a local form is refused where that is asked for, and compares all pairs otherwise", async () => {
  const own = pairObjective(nano, {
    shared: [],
    bounds: {},
    atOnce: ({ imageFeatures, textFeatures, scale }) => sum(mul(mul(imageFeatures, textFeatures), scale)),
    inChunks: ({ imageFeatures, textFeatures, scale }) => sum(mul(mul(imageFeatures, textFeatures), scale)),
  });
  expect(own.local).toBeUndefined();
  expect(
    own.plus({ shared: [], atOnce: ({ scale }) => add(scale, 0), inChunks: ({ scale }) => add(scale, 0) }).local,
  ).toBe(undefined);
  const given = { objective: own };
  await expect(take(given, localExchange(2), { localLoss: true })).rejects.toThrow(
    /has no local form.*set localLoss to false/u,
  );
  await expect(take(given, localExchange(2), {})).resolves.toHaveLength(2);
});
