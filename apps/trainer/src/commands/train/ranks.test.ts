// Ranks that learn from one batch take the steps of one process that accumulates over the same parts, bit for bit.
import { flattenTree, isStatistic, type HostArray, type HostArrays, type ParamSpec } from "@clip-ts/core";
import { inspectEngine, startEngine } from "@clip-ts/engines";
import { rowsAt } from "@clip-ts/jit";
import {
  chunked,
  clipSpec,
  contrastive,
  distilled,
  multiPositive,
  preset,
  sigmoid,
  type ClipConfig,
  type ClipParams,
  type PairObjective,
} from "@clip-ts/model";
import { goldenTowers, largestDifference, localExchange, relativeError, useEngine } from "@clip-ts/test-utils";
import { createTraining, type Training, type TrainingOptions } from "@clip-ts/training";
import { randomStream } from "@clip-ts/base";
import { afterAll, expect, test } from "vitest";
import { differences, type TakenSteps } from "./fixtures/taken-steps.ts";

const engines = ["cpu", "wasm", "onnx", "tensorflow"] as const;
const tensorflow = inspectEngine("tensorflow");
if (!tensorflow.available) console.warn(`Skipped: ranks on TensorFlow, as ${tensorflow.detail}.`);
const here = engines.filter((name) => name !== "tensorflow" || tensorflow.available);

afterAll(() => useEngine("cpu"));

const nano = preset("nano");
const [rows, steps] = [4, 2];
const joint = nano.projectionDim;

const normals = (length: number, name: string, step: number): Float32Array => {
  const random = randomStream(5, name, step);
  return Float32Array.from({ length }, () => random.normal());
};

/** The pairs of a step. */
function pairsOf({ vision, text }: ClipConfig, step: number): HostArrays {
  const side = vision.imageSize as number;
  const [start, end] = text.kind === "roberta" ? [0, 2] : [598, 599];
  const ids = Array.from({ length: rows }, (_, row) => [start, 4 + ((row + step) % 7), 5 + (row % 3), end]);
  return {
    pixelValues: { data: normals(rows * 3 * side * side, "pixels", step), shape: [rows, 3, side, side] },
    inputIds: { data: Int32Array.from(ids.flat()), shape: [rows, 4] },
  };
}

/** What is compared with, of all pairs: only what an objective reads. */
function sharedOf({ inputs }: PairObjective | ReturnType<typeof chunked>, step: number): HostArrays {
  const features = (name: string): HostArray => {
    const data = normals(rows * joint, name, step);
    for (let row = 0; row < rows; row++) {
      const own = data.subarray(row * joint, (row + 1) * joint);
      const length = Math.hypot(...own);
      own.forEach((value, at) => (own[at] = value / length));
    }
    return { data, shape: [rows, joint] };
  };
  const all: HostArrays = {
    groups: { data: Int32Array.from([0, 1, 0, 2]), shape: [rows] },
    teacherImages: features("images"),
    teacherTexts: features("texts"),
    teacherScale: { data: Float32Array.of(20), shape: [] },
  };
  return Object.fromEntries(inputs.shared.map((name) => [name, all[name]!]));
}

type Options = TrainingOptions<ClipParams, never, never>;

/** A way of learning. */
interface Case {
  readonly config: ClipConfig;
  readonly objective: PairObjective | ReturnType<typeof chunked>;
  readonly options: Partial<Omit<Options, "objective" | "spec">>;
}

const plain = (options: Case["options"], config: ClipConfig = nano): Case => ({
  config,
  objective: contrastive(config),
  options,
});
const by = (objective: Case["objective"], config: ClipConfig = nano): Case => ({ config, objective, options: {} });
const withVision = (changes: object): ClipConfig =>
  ({ ...nano, vision: { ...(nano.vision as object), ...changes } }) as ClipConfig;
const biased: ClipConfig = { ...nano, loss: { kind: "sigmoid" }, initialLogitBias: -10 } as ClipConfig;
const dropping: ClipConfig = {
  ...nano,
  text: { ...goldenTowers.roberta, layers: 1, hiddenDropout: 0.3, attentionDropout: 0.3 },
};
const convolving: ClipConfig = {
  ...nano,
  vision: { kind: "resnet", layers: [1, 1, 1, 1], width: 4, heads: 2, outputDim: joint, imageSize: 32, channels: 3 },
};

const cases: Readonly<Record<string, Case>> = {
  contrastive: plain({}),
  "contrastive in chunks": by(chunked(contrastive(nano, { labelSmoothing: 0.1 }), 4)),
  "multi-positive": by(multiPositive(nano)),
  sigmoid: by(sigmoid(biased), biased),
  distillation: by(distilled(contrastive(nano), { weight: 0.5 })),
  LoRA: plain({ lora: { rank: 2, alpha: 4 } }),
  "a locked tower": plain({ unlocked: { image: 0 } }),
  "both towers locked": plain({ unlocked: { image: 0, text: 0 } }),
  "patch dropout": plain({}, withVision({ patchDropout: 0.5 })),
  "text dropout": plain({}, dropping),
  "blocks computed again": plain({ checkpointing: true }),
  Muon: plain({ optimizer: { kind: "muon" } }),
  "moving average and bound": plain({ ema: { decay: 0.9 }, clipNorm: 0.1 }),
  "batch norm": plain({}, convolving),
};

const begin = ({ config, objective, options }: Case, more: Case["options"]): Promise<Training<ClipParams>> =>
  createTraining({
    objective,
    spec: clipSpec(config),
    seed: 2,
    schedule: { kind: "cosine", learningRate: 0.01, warmupSteps: 1, steps: 8 },
    ...options,
    ...more,
  } as unknown as Options);

/** Steps of ranks that share each batch, or of one process. */
async function take(given: Case, ranks: number, options: Case["options"]): Promise<readonly TakenSteps[]> {
  const exchanges = ranks === 1 ? [undefined] : localExchange(ranks);
  const all = await Promise.all(exchanges.map((exchange) => begin(given, { ...options, exchange })));
  const told: object[][] = all.map(() => []);
  for (let step = 0; step < steps; step++) {
    const pairs = pairsOf(given.config, step);
    const shared = sharedOf(given.objective, step);
    const count = rows / ranks;
    const own = all.map((rank, at) => rank.step({ ...rowsAt(pairs, at * count, count), ...shared }));
    (await Promise.all(own)).forEach((numbers, at) => told[at]!.push(numbers));
  }
  const states = await Promise.all(all.map((rank) => rank.read()));
  const taken = all.map((_, at) => ({ told: told[at]!, state: structuredClone(states[at]!) }));
  await Promise.all(all.map((rank) => rank.dispose()));
  return taken;
}

/** All but running statistics, which are those of one rank's images. */
function withoutStatistics({ config }: Case, { told, state }: TakenSteps): TakenSteps {
  const specs = flattenTree<ParamSpec>(clipSpec(config));
  const params = Object.entries(state.params).filter(
    ([path]) => specs[path] === undefined || !isStatistic(specs[path]),
  );
  return { told, state: { ...state, params: Object.fromEntries(params) } };
}

for (const engine of here) {
  test.each(Object.entries(cases))(`two ranks on ${engine} are one that accumulates over two: %s`, async (_, given) => {
    const { compiler } = await startEngine(engine);
    const [alone] = await take(given, 1, { accumulate: 2, engine: compiler });
    const [first, second] = await take(given, 2, { engine: compiler });
    expect(differences(second!, first!)).toEqual([]);
    expect(differences(withoutStatistics(given, first!), withoutStatistics(given, alone!))).toEqual([]);
    expect(first!.told[0]).not.toEqual(first!.told[1]);
  });
}

/** The paths of leaves that a softmax is not blind to: a key's bias has no gradient but noise. */
const hasGradient = (path: string): boolean => !path.endsWith("k_proj.bias");

test.each([
  ["four ranks", 4, 1],
  ["two ranks that accumulate over two", 2, 2],
])("%s are one that accumulates over four but for the order of a sum", async (_, ranks, accumulate) => {
  const { compiler: engine } = await startEngine("onnx");
  const given = cases["contrastive"]!;
  const [alone] = await take(given, 1, { accumulate: 4, engine });
  const [first, ...others] = await take(given, ranks, { accumulate, engine });
  for (const other of others) expect(differences(other, first!)).toEqual([]);
  const lossesOf = ({ told }: TakenSteps): number[] => told.map((numbers) => (numbers as { loss: number }).loss);
  expect(relativeError(lossesOf(first!), lossesOf(alone!))).toBeLessThan(2e-6);
  for (const [path, { data }] of Object.entries(first!.state.params).filter(([name]) => hasGradient(name))) {
    const difference = largestDifference(data as Float32Array, alone!.state.params[path]!.data as Float32Array);
    expect(difference, path).toBeLessThan(0.03 * 0.01); // of one step's learning rate
  }
});
