import { peakBytes, optimize, type HostArrays, type LeafRule } from "@clip-ts/jit";
import { compareTrace, slopesTrace, sumsTrace, traceTree, type StepSource } from "@clip-ts/jit/backend";
import {
  chunked,
  contrastive,
  distilled,
  multiPositive,
  preset,
  sigmoid,
  type ClipConfig,
  type ClipObjective,
  type ClipParams,
} from "@clip-ts/model";
import { expect, test } from "vitest";
import { gradientFunctions, type LeafView } from "./step-functions.ts";

const nano = preset("nano");
const biased: ClipConfig = { ...nano, loss: { kind: "sigmoid" }, initialLogitBias: -10 } as ClipConfig;
const [pairs, joint, size] = [512, 32, 4];

const view = (trained: readonly string[]): LeafView<ClipParams> => ({
  trained,
  model: (leaves) => leaves as unknown as ClipParams,
  compared: (leaves) => leaves as unknown as ClipParams,
  options: {},
});

const still = (trained: readonly string[]): LeafRule => ({
  leaves: Object.fromEntries(trained.map((path) => [path, {}])),
  slots: [],
  move: ({ param }) => [param],
});

function sourceOf(objective: ClipObjective, trained: readonly string[]): StepSource {
  const params = Object.fromEntries(trained.map((path) => [path, { shape: [] }]));
  return { functions: { ...gradientFunctions(objective, view(trained)), update: still(trained) }, params };
}

const features = { shape: [pairs, joint] };

function sharedOf({ inputs }: ClipObjective): HostArrays {
  const array = (shape: number[]) => ({ data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape });
  const all: HostArrays = {
    groups: { data: new Int32Array(pairs), shape: [pairs] },
    teacherImages: array([pairs, joint]),
    teacherTexts: array([pairs, joint]),
    teacherScale: array([]),
  };
  return Object.fromEntries(inputs.shared.map((name) => [name, all[name]!]));
}

test.each([
  ["contrastive", contrastive(nano), ["logit_scale"]],
  ["multi-positive", multiPositive(nano, { labelSmoothing: 0.1 }), ["logit_scale"]],
  ["sigmoid", sigmoid(biased), ["logit_scale", "logit_bias"]],
  ["distillation", distilled(contrastive(nano)), ["logit_scale"]],
] as readonly [string, ClipObjective, string[]][])(
  "a rank of four holds no matrix of all pairs, and a third of the memory at most: %s",
  (_, objective, trained) => {
    const source = sourceOf(objective, trained);
    const shared = sharedOf(objective);
    const rows = { image: features, text: features };
    const given = { rows, shared, place: { rank: 3, size } };
    const sums = sumsTrace(source, given);
    const { graph: first, outputs } = traceTree(sums.run, sums.given);
    for (const { shape } of Object.values(outputs.sum)) expect(shape).toEqual([pairs / size]);
    const slopes = slopesTrace(source, { ...given, ownSums: outputs.sum });
    for (const { shape } of Object.values(slopes.given.sum)) expect(shape).toEqual([pairs]);
    const { graph: second, outputs: found } = traceTree(slopes.run, slopes.given);
    for (const { shape } of Object.values(found.cotangent)) expect(shape).toEqual([pairs / size, joint]);
    const compare = compareTrace(source, rows, shared);
    const whole = peakBytes(optimize(traceTree(compare.run, compare.given).graph));
    for (const graph of [optimize(first), optimize(second)]) {
      const sizes = graph.nodes.flatMap(({ outputs: made }) =>
        made.map(({ shape }) => shape.reduce((entries, side) => entries * side, 1)),
      );
      expect(Math.max(...sizes)).toBeLessThanOrEqual((pairs * pairs) / size);
      expect(peakBytes(graph)).toBeLessThanOrEqual(whole / 3);
    }
  },
);

test("a rank's own rows come in chunks where that is asked for", () => {
  const largest = (objective: ClipObjective): number => {
    const given = { rows: { image: features, text: features }, shared: {}, place: { rank: 0, size } };
    const { run, given: inputs } = sumsTrace(sourceOf(objective, ["logit_scale"]), given);
    return peakBytes(optimize(traceTree(run, inputs).graph));
  };
  expect(largest(chunked(contrastive(nano), 16))).toBeLessThan(largest(contrastive(nano)) / 2);
});
