import { initParams, flattenTree, valueAndGradient } from "@clip-ts/core";
import { largestDifference, weightedSum } from "@clip-ts/test-utils";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { TextConfig, TextParams } from "./config.ts";
import { encodeText, textSpec } from "./towers.ts";

const shared = {
  width: 8,
  layers: 2,
  heads: 2,
  mlpWidth: 16,
  activation: "gelu",
  layerNormEps: 1e-5,
  vocabSize: 12,
  contextLength: 5,
  endTokenId: 2,
  padTokenId: 1,
} as const;
const configs: readonly TextConfig[] = [
  { ...shared, startTokenId: 0 },
  { ...shared, kind: "siglip", headWidth: 4 },
  { ...shared, kind: "roberta", startTokenId: 0, tokenTypes: 1, pooling: "mean" },
];

test.each(configs)("blocks computed twice give the same gradients (%o)", async (config) => {
  const params = initParams(textSpec(config), 1) as TextParams;
  const ids = tensor([0, 5, 6, 2, 1, 0, 7, 2, 1, 1], [2, 5], "int32");
  const gradients = (checkpoint: boolean): Record<string, Tensor> => {
    const { gradient } = valueAndGradient(
      (tree: TextParams) => ({
        loss: weightedSum(encodeText(tree, ids, config, { checkpoint }).pooled),
      }),
      params,
    );
    return flattenTree<Tensor>(gradient);
  };
  const plain = gradients(false);
  for (const [path, again] of Object.entries(gradients(true))) {
    expect(largestDifference(await again.data(), await plain[path]!.data()), path).toBeLessThan(1e-6);
  }
});
