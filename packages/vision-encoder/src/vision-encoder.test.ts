import { isClipError, sidesOf } from "@clip-ts/base";
import { countParams, flattenTree, initParams } from "@clip-ts/core";
import { gradientFaults, largestDifference, randomTensor, tensorsLeftBy, weightedSum } from "@clip-ts/test-utils";
import { concat, gather, slice, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { expect, expectTypeOf, test } from "vitest";
import type { VitConfig } from "./config.ts";
import { encodeImage } from "./towers.ts";
import { patchCount, vitSpec, type VitParams } from "./vit/spec.ts";

const config: VitConfig = {
  width: 8,
  layers: 2,
  heads: 2,
  mlpWidth: 16,
  activation: "quick_gelu",
  layerNormEps: 1e-5,
  imageSize: 8,
  patchSize: 4,
  channels: 3,
};
const params: VitParams = initParams(vitSpec(config), 1) as VitParams;
const pixels = randomTensor([3, 3, 8, 8], "pixels");

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return isClipError(error) ? error.code : undefined;
  }
  return undefined;
}

test("an image becomes the class token's feature and a token for each patch", () => {
  const { pooled, lastHidden } = encodeImage(params, pixels, config);
  expect(pooled.shape).toEqual([3, 8]);
  expect(lastHidden.shape).toEqual([3, 5, 8]);
});

test("every parameter has the gradient of central differences", async () => {
  const objective = (tree: VitParams): Tensor => weightedSum(encodeImage(tree, pixels, config).pooled);
  expect(await gradientFaults(objective, params, { step: 5e-3 })).toEqual([]);
});

test("the pixels have the gradient of central differences", async () => {
  const objective = (tree: { pixels: Tensor }): Tensor => weightedSum(encodeImage(params, tree.pixels, config).pooled);
  expect(await gradientFaults(objective, { pixels }, { entries: 6 })).toEqual([]);
});

test("permuting the batch permutes the features", async () => {
  const order = tensor([1, 2, 0], [3], "int32");
  const permuted = await encodeImage(params, gather(pixels, order), config).pooled.data();
  const expected = await gather(encodeImage(params, pixels, config).pooled, order).data();
  expect(largestDifference(permuted, expected)).toBeLessThan(1e-6);
});

test("an image's feature does not depend on its batch", async () => {
  const alone = await encodeImage(params, slice(pixels, [1], [1]), config).pooled.data();
  const together = await slice(encodeImage(params, pixels, config).pooled, [1], [1]).data();
  expect(largestDifference(alone, together)).toBeLessThan(1e-6);
});

test("moving patches together with their positions changes nothing", async () => {
  const half = (start: number): Tensor => slice(pixels, [0, 0, 0, start], [-1, -1, -1, 4]);
  const mirrored = concat([half(4), half(0)], 3); // patches 1 0 / 3 2
  const positions = params.embeddings.position_embedding!.weight;
  const moved: VitParams = {
    ...params,
    embeddings: {
      ...params.embeddings,
      position_embedding: { weight: gather(positions, tensor([0, 2, 1, 4, 3], [5], "int32")) },
    },
  };
  const expected = await encodeImage(params, pixels, config).pooled.data();
  const actual = await encodeImage(moved, mirrored, config).pooled.data();
  expect(largestDifference(actual, expected)).toBeLessThan(1e-5);
  const unmoved = await encodeImage(params, mirrored, config).pooled.data();
  expect(largestDifference(unmoved, expected)).toBeGreaterThan(1e-3);
});

test.each([
  { shape: [1, 3, 16, 16], why: "another size" },
  { shape: [1, 8, 8, 3], why: "channels last" },
  { shape: [3, 8, 8], why: "no batch" },
])("pixels of $why are refused", ({ shape }) => {
  const wrong = randomTensor(shape);
  expect(() => encodeImage(params, wrong, config)).toThrow(
    `pixel values: expected [batch, 3, 8, 8], got [${shape.join(", ")}].`,
  );
});

test("patches that do not fill an image leave the rest out; one larger than it is refused", () => {
  expect(codeOf(() => vitSpec({ ...config, imageSize: sidesOf(config.patchSize).height - 1 }))).toBe("bad-config");
  expect(patchCount({ ...config, imageSize: 224, patchSize: 16 })).toBe(196);
  expect(patchCount({ ...config, imageSize: 384, patchSize: 14 })).toBe(729); // SigLIP so400m
});

test("the tree's paths are the checkpoint's names", () => {
  const names = Object.keys(flattenTree(vitSpec({ ...config, layers: 0 })));
  expect(names).toEqual([
    "embeddings.class_embedding",
    "embeddings.patch_embedding.weight",
    "embeddings.position_embedding.weight",
    "pre_layrnorm.weight",
    "pre_layrnorm.bias",
    "post_layernorm.weight",
    "post_layernorm.bias",
  ]);
  expect(countParams(vitSpec(config))).toBe(countParams(params));
  expectTypeOf(params.embeddings.class_embedding).toEqualTypeOf<Tensor | undefined>();
});

test("an encoded image is two tensors", async () => {
  expect(await tensorsLeftBy(() => tidy(() => ({ ...encodeImage(params, pixels, config) })))).toBe(2);
});
