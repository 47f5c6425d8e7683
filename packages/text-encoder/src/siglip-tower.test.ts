import { embeddingSpec, flattenTree, initParams, type ParamSpec } from "@clip-ts/core";
import { gradientFaults, largestDifference, weightedSum } from "@clip-ts/test-utils";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { CausalTextConfig, SiglipTextConfig } from "./config.ts";
import { encodeText, textFeatureWidth } from "./towers.ts";
import { siglipTextSpec, type SiglipTextParams } from "./siglip-tower.ts";

const config: SiglipTextConfig = {
  kind: "siglip",
  width: 8,
  layers: 1,
  heads: 2,
  mlpWidth: 12,
  activation: "gelu_pytorch_tanh",
  layerNormEps: 1e-6,
  vocabSize: 12,
  contextLength: 5,
  endTokenId: 1,
  padTokenId: 1,
  headWidth: 6,
};
const spec = siglipTextSpec(config);
const params = initParams(
  {
    ...spec,
    embeddings: {
      token_embedding: embeddingSpec(config.vocabSize, config.width, 1),
      position_embedding: embeddingSpec(config.contextLength, config.width, 1),
    },
  },
  1,
) as SiglipTextParams;
const idsOf = (rows: readonly (readonly number[])[]): Tensor =>
  tensor(rows.flat(), [rows.length, rows[0]!.length], "int32");
const captions = [
  [4, 5, 1, 1, 1],
  [9, 9, 3, 7, 1],
];

test("the feature is the head's reading of the last token, as long as the head", async () => {
  const { pooled, lastHidden } = encodeText(params, idsOf(captions), config);
  expect(pooled.shape).toEqual([2, textFeatureWidth(config)]);
  const hidden = (await lastHidden.array()) as number[][][];
  const weight = (await params.head.weight.array()) as number[][];
  const expected = hidden.map((tokens) =>
    weight.map((row) => row.reduce((sum, value, index) => sum + value * tokens.at(-1)![index]!, 0)),
  );
  expect(largestDifference(await pooled.data(), expected.flat())).toBeLessThan(1e-5);
});

test("every token sees those behind it", async () => {
  const first = async (last: number): Promise<Float32Array> => {
    const { lastHidden } = encodeText(params, idsOf([[4, 5, 6, 7, last]]), config);
    return (await lastHidden.data()).slice(0, config.width) as Float32Array;
  };
  expect(largestDifference(await first(1), await first(2))).toBeGreaterThan(1e-3);
});

test("CLIP's tower without mask, pooled at the last token, computes the same before the head", async () => {
  const { kind: _kind, headWidth: _headWidth, ...shared } = config;
  const plain: CausalTextConfig = { ...shared, startTokenId: 0, causal: false, pooling: "last" };
  const one = encodeText(params, idsOf(captions), config);
  const other = encodeText(params, idsOf(captions), plain);
  expect(await other.lastHidden.data()).toEqual(await one.lastHidden.data());
  const hidden = (await other.lastHidden.array()) as number[][][];
  expect(await other.pooled.array()).toEqual(hidden.map((tokens) => tokens.at(-1)));
});

test("every parameter has the gradient of central differences", async () => {
  const objective = (tree: SiglipTextParams): Tensor => weightedSum(encodeText(tree, idsOf(captions), config).pooled);
  expect(await gradientFaults(objective, params, { step: 5e-3, entries: 3 })).toEqual([]);
});

test("weights of the blocks start uniform with Glorot's bound, biases at 0", () => {
  const leaves = flattenTree<ParamSpec>(spec);
  expect(leaves["encoder.layers.0.mlp.fc1.weight"]!.init).toEqual({
    kind: "uniform",
    bound: Math.sqrt(6 / 20),
  });
  expect(leaves["encoder.layers.0.mlp.fc1.bias"]!.init).toEqual({ kind: "constant", value: 0 });
  expect(leaves["head.weight"]!.init).toEqual({ kind: "normal", std: 8 ** -0.5 });
});
