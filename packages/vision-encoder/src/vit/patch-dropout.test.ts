import { isClipError, randomStream } from "@clip-ts/base";
import { initParams } from "@clip-ts/core";
import { largestDifference, randomTensor } from "@clip-ts/test-utils";
import { tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { VitConfig } from "../config.ts";
import { encodeImage } from "../towers.ts";
import { drawKeptPatches, keptPatchCount } from "./encode.ts";
import { vitSpec, type VitParams } from "./spec.ts";

const config: VitConfig = {
  width: 8,
  layers: 1,
  heads: 2,
  mlpWidth: 16,
  activation: "gelu",
  layerNormEps: 1e-5,
  imageSize: 12,
  patchSize: 4,
  channels: 3,
  patchDropout: 0.5,
};

test("half of nine patches is four, and one patch always stays", () => {
  expect(keptPatchCount(config)).toBe(4);
  expect(keptPatchCount({ ...config, patchDropout: 0.99 })).toBe(1);
  expect(keptPatchCount({ ...config, patchDropout: 0 })).toBe(9);
});

test("a share that leaves nothing is refused", () => {
  let caught: unknown;
  try {
    keptPatchCount({ ...config, patchDropout: 1 });
  } catch (error) {
    caught = error;
  }
  expect(isClipError(caught) && caught.code).toBe("bad-config");
});

test("each image keeps patches of its own, none twice, the same for the same seed", () => {
  const draw = (seed: number): Int32Array => drawKeptPatches(config, 50, randomStream(seed));
  const drawn = draw(1);
  const rows = Array.from({ length: 50 }, (_, row) => [...drawn.subarray(4 * row, 4 * row + 4)]);
  for (const row of rows) expect(new Set(row).size).toBe(4);
  expect(new Set(rows.map((row) => row.join())).size).toBeGreaterThan(20);
  expect(new Set(rows.flat())).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8]));
  expect(draw(1)).toEqual(drawn);
  expect(draw(2)).not.toEqual(drawn);
});

test("keeping every patch, in any order, changes nothing that is pooled", async () => {
  const params = initParams(vitSpec(config), 3) as VitParams;
  const pixels = randomTensor([2, 3, 12, 12], "pixels");
  const order = [8, 0, 3, 5, 1, 2, 7, 4, 6];
  const keptPatches = tensor([...order, ...order.toReversed()], [2, 9], "int32");
  const all = await encodeImage(params, pixels, config).pooled.data();
  const shuffled = await encodeImage(params, pixels, config, { keptPatches }).pooled.data();
  expect(largestDifference(shuffled, all)).toBeLessThan(1e-6);
});

test("kept patches for another batch are refused", () => {
  const params = initParams(vitSpec(config), 3) as VitParams;
  const keptPatches = tensor([0, 1], [1, 2], "int32");
  const run = () => encodeImage(params, randomTensor([2, 3, 12, 12]), config, { keptPatches });
  expect(run).toThrow(/kept patches: expected \[2, kept\], got \[1, 2\]/u);
});
