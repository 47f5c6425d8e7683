import { flattenTree, initParams, valueAndGradient } from "@clip-ts/core";
import { relativeError, useEngine, weightedSum } from "@clip-ts/test-utils";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { causalTextSpec, type CausalTextParams } from "./causal-tower.ts";
import type { CausalTextConfig } from "./config.ts";
import { encodeText } from "./towers.ts";

beforeAll(() => useEngine("cpu"));
afterAll(() => useEngine("cpu"));

const config: CausalTextConfig = {
  contextLength: 7,
  vocabSize: 12,
  startTokenId: 10,
  endTokenId: 11,
  padTokenId: 0,
  width: 6,
  layers: 2,
  heads: 2,
  mlpWidth: 10,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
};
const ids = tensor([10, 3, 11, 0, 10, 5, 6, 11, 10, 11, 1, 1], [3, 4], "int32");

test.each([
  ["the end token", config],
  ["the last token", { ...config, pooling: "last" }],
  ["the end token of a tower that sees both ways", { ...config, causal: false }],
  ["one block", { ...config, layers: 1 }],
] as readonly (readonly [string, CausalTextConfig])[])(
  "leaving out what %s does not need changes neither feature nor gradient",
  async (_, clip) => {
    const spec = causalTextSpec(clip);
    const params = initParams(spec, 3) as CausalTextParams;
    const run = (onlyPooled: boolean) =>
      valueAndGradient((tree: CausalTextParams) => {
        const { pooled } = encodeText(tree, ids, clip, { onlyPooled });
        return { loss: weightedSum(pooled), aux: { pooled } };
      }, params);
    const [whole, short] = [run(false), run(true)];
    expect(encodeText(params, ids, clip, { onlyPooled: true }).lastHidden.shape).toEqual([3, 1, 6]);
    const pooled = [whole, short].map(({ aux }) => (aux!["pooled"] as Tensor).dataSync());
    expect(relativeError(pooled[1]!, pooled[0]!)).toBeLessThan(1e-6);
    const expected = flattenTree<Tensor>(whole.gradient);
    for (const [path, actual] of Object.entries(flattenTree<Tensor>(short.gradient))) {
      const [ours, theirs] = [actual.dataSync(), expected[path]!.dataSync()];
      if (path.endsWith("k_proj.bias")) continue; // softmax does not feel it: zero but for rounding
      expect(relativeError(ours, theirs), path).toBeLessThan(1e-5);
    }
  },
);
