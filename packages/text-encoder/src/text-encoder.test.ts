import { isClipError } from "@clip-ts/base";
import { embeddingSpec, flattenTree, initParams } from "@clip-ts/core";
import { gradientFaults, largestDifference, tensorsLeftBy, useEngine, weightedSum } from "@clip-ts/test-utils";
import { gather, slice, tensor, tidy, type Tensor, type TypedArray } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { causalMask } from "./captions.ts";
import { causalTextSpec, type CausalTextParams } from "./causal-tower.ts";
import type { CausalTextConfig } from "./config.ts";
import { encodeText } from "./towers.ts";

const config: CausalTextConfig = {
  width: 8,
  layers: 2,
  heads: 2,
  mlpWidth: 16,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
  vocabSize: 12,
  contextLength: 7,
  startTokenId: 10,
  endTokenId: 11,
  padTokenId: 0,
};
const spec = causalTextSpec(config);
// Embeddings as large as a trained tower's: tiny ones make every layer norm steep.
const params = initParams(
  {
    ...spec,
    embeddings: {
      token_embedding: embeddingSpec(config.vocabSize, config.width, 1),
      position_embedding: embeddingSpec(config.contextLength, config.width, 1),
    },
  },
  1,
) as CausalTextParams;
const captions = [
  [10, 4, 5, 11, 0],
  [10, 3, 11, 0, 0],
  [10, 9, 9, 1, 11],
];
const idsOf = (rows: readonly (readonly number[])[]): Tensor =>
  tensor(rows.flat(), [rows.length, rows[0]!.length], "int32");
const pooled = async (rows: readonly (readonly number[])[]): Promise<TypedArray> =>
  encodeText(params, idsOf(rows), config).pooled.data();

afterAll(() => useEngine("cpu"));

test("the mask hides exactly the later tokens", async () => {
  const scores = await causalMask(3).array();
  expect(scores).toEqual([
    [0, -1e9, -1e9],
    [0, 0, -1e9],
    [0, 0, 0],
  ]);
});

test.each(["cpu", "wasm"] as const)("captions of every length pool their end token (%s)", async (engine) => {
  await useEngine(engine);
  const { pooled, lastHidden } = encodeText(params, idsOf(captions), config);
  expect(pooled.shape).toEqual([3, 8]);
  expect(lastHidden.shape).toEqual([3, 5, 8]);
  const hidden = (await lastHidden.array()) as number[][][];
  const ends = [3, 2, 4].map((end, row) => hidden[row]![end]!);
  expect(await pooled.array()).toEqual(ends);
});

test("every parameter has the gradient of central differences", async () => {
  await useEngine("cpu");
  const ids = idsOf(captions.map((row) => [...row, 0, 0])); // every position, every token type
  const objective = (tree: CausalTextParams): Tensor => weightedSum(encodeText(tree, ids, config).lastHidden);
  expect(await gradientFaults(objective, params, { step: 5e-3, entries: 3 })).toEqual([]);
});

test("a token cannot change what comes before it", async () => {
  const caption = fc.array(fc.integer({ min: 0, max: 11 }), { minLength: 2, maxLength: 7 });
  await fc.assert(
    fc.asyncProperty(caption, fc.nat(), fc.nat(11), async (ids, place, other) => {
      const changed = place % ids.length;
      const altered = ids.map((id, index) => (index === changed ? other : id));
      const before = encodeText(params, idsOf([ids]), config).lastHidden;
      const after = encodeText(params, idsOf([altered]), config).lastHidden;
      const earlier = async (x: Tensor): Promise<ArrayLike<number>> =>
        Array.from(await x.data()).slice(0, changed * config.width);
      expect(await earlier(after)).toEqual(await earlier(before));
    }),
    { numRuns: 30 },
  );
});

test("what follows the end token is ignored", async () => {
  const expected = await pooled([[10, 4, 5, 11, 0, 0]]);
  for (const tail of [
    [11, 11],
    [3, 7],
    [0, 11],
  ]) {
    expect(await pooled([[10, 4, 5, 11, ...tail]])).toEqual(expected);
  }
});

test("the end token is found by its id, also where other ids are larger", async () => {
  const early = { ...config, endTokenId: 5 };
  const { pooled, lastHidden } = encodeText(params, idsOf([[10, 9, 5, 11, 5]]), early);
  const [hidden] = (await lastHidden.array()) as number[][][];
  expect(await pooled.array()).toEqual([hidden![2]]);
});

test("a batch needs only as many tokens as its longest caption", async () => {
  const short = await pooled(captions);
  const full = await pooled(captions.map((row) => [...row, 0, 0]));
  expect(largestDifference(full, short)).toBeLessThan(1e-6);
});

test("permuting the batch permutes the features", async () => {
  const [first, second, third] = captions as [number[], number[], number[]];
  const features = encodeText(params, idsOf(captions), config).pooled;
  const expected = await gather(features, tensor([2, 0, 1], [3], "int32")).data();
  expect(largestDifference(await pooled([third, first, second]), expected)).toBeLessThan(1e-6);
});

test("a caption's feature does not depend on its batch", async () => {
  const together = slice(encodeText(params, idsOf(captions), config).pooled, [1], [1]);
  const alone = await pooled([[10, 3, 11]]);
  expect(largestDifference(alone, await together.data())).toBeLessThan(1e-6);
});

test("captions longer than the context are refused with both numbers", () => {
  let caught: unknown;
  try {
    encodeText(params, idsOf([[10, 1, 1, 1, 1, 1, 1, 11]]), config);
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error("expected a ClipError");
  expect(caught.code).toBe("bad-shape");
  expect(caught.message).toContain("Captions of 8 tokens do not fit a context of 7");
});

test("ids without a batch are refused", () => {
  const flat = tensor([10, 1, 11], [3], "int32");
  expect(() => encodeText(params, flat, config)).toThrow("input ids: expected [batch, tokens], got [3].");
});

test("the tree's paths are the checkpoint's names", () => {
  expect(Object.keys(flattenTree(causalTextSpec({ ...config, layers: 0 })))).toEqual([
    "embeddings.token_embedding.weight",
    "embeddings.position_embedding.weight",
    "final_layer_norm.weight",
    "final_layer_norm.bias",
  ]);
});

test("an encoded caption is two tensors", async () => {
  const ids = idsOf(captions);
  const left = await tensorsLeftBy(() => tidy(() => ({ ...encodeText(params, ids, config) })));
  expect(left).toBe(2);
});
