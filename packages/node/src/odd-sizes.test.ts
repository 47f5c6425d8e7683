// Images that patches do not fill, and models opened at another size: what the originals give, made by
// tools/peers/make_odd_sizes.py.
import { dirname } from "node:path";
import { goldenArrays, goldenPath, relativeError, useEngine } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { startEngine } from "@clip-ts/engines";
import { openClip } from "./open-clip.ts";
import { atResolution, closing, loadEmbedder } from "@clip-ts/inference";
import { openModel } from "./open-model.ts";

afterAll(() => useEngine("cpu"));

const names = ["siglip", "open-clip"] as const;
const folderOf = (name: string): string => dirname(goldenPath(`odd-sizes/${name}/io.safetensors`));
const arraysOf = (name: string) => goldenArrays(`odd-sizes/${name}/io.safetensors`);

/** Image features of a folder, opened at a size, by an engine. */
async function featuresAt(
  engine: "cpu" | "wasm" | "onnx",
  folder: string,
  { pixels, rows, imageSize }: { pixels: Float32Array; rows: number; imageSize?: number },
): Promise<Float32Array> {
  const started = await startEngine(engine);
  const model = atResolution(await openModel(folder), imageSize);
  const embedder = await closing(model, () => loadEmbedder(model, started.compiler));
  const features = await embedder.images(pixels, rows);
  embedder.dispose();
  return features;
}

test.each(names.flatMap((name) => (["wasm", "onnx"] as const).map((engine) => ({ name, engine }))))(
  "$name opened from its folder gives the original's features ($engine)",
  async ({ name, engine }) => {
    const { pixel_values: pixels, image_embeds: expected } = arraysOf(name);
    const [rows = 0] = pixels!.shape;
    const given = { pixels: pixels!.values as Float32Array, rows };
    const features = await featuresAt(engine, folderOf(name), given);
    expect(relativeError(features, expected!.values)).toBeLessThan(1e-5);
  },
);

const sizes = [15, 17, 20, 26, 28]; // 5, 5, 6, 8 and 9 patches of 3 a side; the model's own 16 has 5

test.each(sizes.flatMap((size) => (["cpu", "onnx"] as const).map((engine) => ({ size, engine }))))(
  "opened at $size pixels, the features are those of open_clip, which resizes the positions ($engine)",
  async ({ size, engine }) => {
    const arrays = goldenArrays("odd-sizes/open-clip/at-sizes.safetensors");
    const pixels = arrays[`pixels${size}`]!.values as Float32Array;
    const given = { pixels, rows: 2, imageSize: size };
    const features = await featuresAt(engine, folderOf("open-clip"), given);
    expect(relativeError(features, arrays[`features${size}`]!.values)).toBeLessThan(1e-5);
  },
);

test("openClip brings images to the size it is opened at", async () => {
  const arrays = goldenArrays("odd-sizes/open-clip/at-sizes.safetensors");
  const colours = Uint8Array.from({ length: 20 * 20 * 3 }, (_, at) => (at * 37) % 256);
  const picture = { data: colours, width: 20, height: 20, channels: 3 } as const;
  const clip = await openClip(folderOf("open-clip"), { engine: "cpu", imageSize: 20 });
  expect(clip.config.vision.imageSize).toBe(20);
  const { values, dim } = await clip.embedImages([picture]);
  expect([values.length, dim]).toEqual([12, arrays["features20"]!.shape[1]]);
  clip.dispose();
});

test.each([
  [2, "smaller than a patch of 3"],
  [0, "expected whole pixels, such as 16, got 0"],
  [20.5, "expected whole pixels"],
  [Number.NaN, "expected whole pixels"],
])("a size of %d is refused", async (imageSize, message) => {
  const opening = openClip(folderOf("open-clip"), { engine: "current", imageSize });
  await expect(opening).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringContaining(message) as string,
  });
});
