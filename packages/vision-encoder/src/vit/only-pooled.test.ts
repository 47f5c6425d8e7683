import { flattenTree, initParams, valueAndGradient } from "@clip-ts/core";
import { randomTensor, relativeError, useEngine, weightedSum } from "@clip-ts/test-utils";
import type { Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { VitConfig } from "../config.ts";
import { encodeImage } from "../towers.ts";
import { vitSpec, type VitParams } from "./spec.ts";

beforeAll(() => useEngine("cpu"));
afterAll(() => useEngine("cpu"));

const config: VitConfig = {
  imageSize: 8,
  patchSize: 4,
  channels: 3,
  width: 6,
  layers: 2,
  heads: 2,
  mlpWidth: 10,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
};
const pixels = randomTensor([3, 3, 8, 8], "pixels");

test.each([
  ["the class token", config, 1],
  ["the class token under LayerScale", { ...config, layerScale: 0.5 }, 1],
  ["the class token and its pooler", { ...config, pooling: "pooler" }, 1],
  ["the mean of all", { ...config, pooling: "mean" }, 5],
  ["a query of every token", { ...config, pooling: "attention" }, 5],
] as readonly (readonly [string, VitConfig, number])[])(
  "leaving out what %s does not need changes neither feature nor gradient",
  async (_, vit, tokens) => {
    const params = initParams(vitSpec(vit), 3) as VitParams;
    const run = (onlyPooled: boolean) =>
      valueAndGradient((tree: VitParams) => {
        const { pooled } = encodeImage(tree, pixels, vit, { onlyPooled });
        return { loss: weightedSum(pooled), aux: { pooled } };
      }, params);
    const { lastHidden } = encodeImage(params, pixels, vit, { onlyPooled: true });
    expect(lastHidden.shape).toEqual([3, tokens, 6]);
    const [whole, short] = [run(false), run(true)];
    const pooled = [whole, short].map(({ aux }) => (aux!["pooled"] as Tensor).dataSync());
    expect(relativeError(pooled[1]!, pooled[0]!)).toBeLessThan(1e-6);
    const expected = flattenTree<Tensor>(whole.gradient);
    for (const [path, actual] of Object.entries(flattenTree<Tensor>(short.gradient))) {
      if (path.endsWith("k_proj.bias")) continue; // softmax does not feel it: zero but for rounding
      expect(relativeError(actual.dataSync(), expected[path]!.dataSync()), path).toBeLessThan(1e-5);
    }
  },
);
