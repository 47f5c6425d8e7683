// Graphs of models whose patches do not fill their images: tools/peers/make_odd_sizes.py has the originals.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { goldenArrays, goldenPath, relativeError } from "@clip-ts/test-utils";
import * as runtime from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { exportOnnxFolder, exportSavedModel } from "./export-model.ts";

const scratch = await mkdtemp(join(tmpdir(), "clip-ts-odd-sizes-"));
afterAll(() => rm(scratch, { recursive: true }));

const names = ["siglip", "open-clip"] as const;
const folderOf = (name: string): string => dirname(goldenPath(`odd-sizes/${name}/io.safetensors`));
const arraysOf = (name: string) => goldenArrays(`odd-sizes/${name}/io.safetensors`);

/** Rows scaled to length 1. */
function unitRows(values: Float32Array, rows: number): Float32Array {
  const dim = values.length / rows;
  const lengths = Array.from({ length: rows }, (_, row) => Math.hypot(...values.subarray(row * dim, (row + 1) * dim)));
  return values.map((value, at) => value / lengths[Math.floor(at / dim)]!);
}

test.each(names)("%s's exported graphs give the original's features", async (name) => {
  const output = join(scratch, name);
  await exportOnnxFolder(folderOf(name), output, { precisions: ["f32"] });
  const session = await runtime.InferenceSession.create(join(output, "onnx/vision_model.onnx"));
  const { pixel_values: pixels, image_embeds: expected } = arraysOf(name);
  const values = pixels!.values as Float32Array;
  const found = await session.run({
    pixel_values: new runtime.Tensor("float32", values, [...pixels!.shape]),
  });
  const [features] = Object.values(found);
  const unit = unitRows(features!.data as Float32Array, pixels!.shape[0]!);
  expect(relativeError(unit, expected!.values)).toBeLessThan(1e-5);
  await session.release();
});

test.each(names)("%s is written as a SavedModel", async (name) => {
  const output = join(scratch, `${name}-saved`);
  await exportSavedModel(folderOf(name), output);
  expect(await readdir(output)).toContain("saved_model.pb");
});
