import { initParams, valueAndGradient } from "@clip-ts/core";
import { largestDifference, randomTensor, weightedSum } from "@clip-ts/test-utils";
import { mul, slice, sub, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import {
  multiHeadAttention,
  paddingMask,
  selfAttentionSpec,
  type AttentionProjections,
  type SelfAttentionParams,
} from "./attention.ts";

const [batch, tokens, width, heads] = [3, 4, 6, 2];
const x = randomTensor([batch, tokens, width], "x");
const draw = { shape: [width], init: { kind: "normal", std: 0.5 } } as const;
const spec = selfAttentionSpec({
  width,
  heads,
  layers: 1,
  mlpWidth: 10,
  activation: "gelu",
  layerNormEps: 1e-5,
});
const withBias = Object.fromEntries(Object.entries(spec).map(([name, layer]) => [name, { ...layer, bias: draw }]));

const first = (y: Tensor): Tensor => slice(y, [0, 0, 0], [-1, 1, -1]);
const visible = tensor([1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1], [batch, tokens], "int32");

/** What the first token sees: with keys and values of all tokens, and without. */
const ways: Record<string, (params: AttentionProjections, mask?: Tensor) => Tensor> = {
  many: (params, mask) => first(multiHeadAttention(params, x, { heads, mask })),
  one: (params, mask) => multiHeadAttention(params, first(x), { heads, mask, context: x }),
};

const projectionsOf = ({ q_proj, k_proj, v_proj, out_proj }: SelfAttentionParams) => ({
  query: q_proj,
  key: k_proj,
  value: v_proj,
  output: out_proj,
});

test.each([
  ["without biases", spec, undefined],
  ["with biases", withBias, undefined],
  ["under a mask for each sequence", withBias, paddingMask(visible)],
  ["under a mask for all", withBias, mul(sub(1, tensor([1, 0, 1, 1], [1, tokens])), -1e9)],
])("one query sees what it sees among others, %s, and so do gradients", async (_, parts, mask) => {
  const params = initParams(parts, 7) as unknown as SelfAttentionParams;
  const [many, one] = ["many", "one"].map((way) =>
    valueAndGradient((tree: SelfAttentionParams) => {
      const seen = ways[way]!(projectionsOf(tree), mask);
      return { loss: weightedSum(seen), seen };
    }, params),
  ) as [ReturnType<typeof valueAndGradient>, ReturnType<typeof valueAndGradient>];
  expect(largestDifference(await one.value.data(), await many.value.data())).toBeLessThan(1e-6);
  for (const [name, layer] of Object.entries(many.gradient as SelfAttentionParams)) {
    for (const [leaf, expected] of Object.entries(layer)) {
      const actual = (one.gradient as unknown as Record<string, Record<string, Tensor>>)[name]![leaf]!;
      const distance = largestDifference(await actual.data(), await (expected as Tensor).data());
      expect(distance, `${name}.${leaf}`).toBeLessThan(2e-6);
    }
  }
});

test("a query sees a context of another length", async () => {
  const params = projectionsOf(initParams(withBias, 7) as unknown as SelfAttentionParams);
  const all = first(multiHeadAttention(params, x, { heads }));
  expect(largestDifference(await ways["one"]!(params).data(), await all.data())).toBeLessThan(1e-6);
});
