import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  inputBytes,
  inputLength,
  inputShape,
  inputSize,
  joinInputs,
  normalizeInput,
  patchedSize,
  planesOnly,
} from "./patches.ts";
import { preprocessAtSize } from "./at-size.ts";
import { joinPatches, splitPatches } from "./patch-arrays.ts";
import { clipPreprocess, describePreprocess, naflexPreprocess, usualPreprocess } from "./preprocess-config.ts";
import { preprocess, preprocessBytes } from "./preprocess.ts";
import { findPreprocess, lostPreprocess } from "./preprocessor-files.ts";
import { formatPreprocessorConfig } from "./preprocessor-format.ts";
import { parsePreprocessorConfig } from "./preprocessor-json.ts";
import type { Pixels } from "./pixels.ts";

const config = naflexPreprocess(4, 18);
/** What transformers makes of pictures, as tools/peers/make_naflex.py writes it. */
const golden = JSON.parse(readFileSync(new URL("fixtures/naflex.json", import.meta.url), "utf8")) as {
  readonly pictures: readonly (readonly [number, number, string, readonly [number, number], string])[];
  readonly sizes: readonly (readonly number[])[];
};

const bytesIn = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "base64"));

function picture(at: number): Pixels {
  const [width, height, bytes] = golden.pictures[at]!;
  return { data: bytesIn(bytes), width, height, channels: 3 };
}

test("sizes are those of transformers for pictures of every shape", () => {
  for (const [height = 0, width = 0, patchSize = 0, maxPatches = 0, ...expected] of golden.sizes) {
    const found = patchedSize({ width, height }, { patchSize, maxPatches });
    expect([found.height, found.width], `${height} x ${width}`).toEqual(expected);
  }
});

test.each(golden.pictures.map((_, at) => at))(
  "picture %i has the patches of Siglip2ImageProcessorPil, byte for byte",
  (at) => {
    const made = preprocess(picture(at), config);
    const [, , , [rows, columns], levels] = golden.pictures[at]!;
    const row = 48 + 4;
    expect(made.length).toBe(rows * columns * row);
    for (let patch = 0; patch < rows * columns; patch++) {
      const own = made.subarray(patch * row, (patch + 1) * row);
      const theirs = bytesIn(levels).subarray(patch * 48, (patch + 1) * 48);
      expect([...own.subarray(0, 48)].map((value) => Math.round(127.5 * (value + 1)))).toEqual([...theirs]);
      expect([...own.subarray(48)]).toEqual([Math.floor(patch / columns), patch % columns, rows, columns]);
    }
  },
);

test("bytes become the same numbers later", () => {
  const bytes = new Uint8ClampedArray(inputBytes(config)).fill(7); // what was there before is no part of it
  preprocessBytes(picture(1), config, bytes);
  expect(normalizeInput(bytes, config)).toEqual(preprocess(picture(1), config));
  expect(bytes.subarray(18 * 48 - 48 * 2, 18 * 48).some((byte) => byte === 7)).toBe(false);
  expect(() => preprocessBytes(picture(1), config, bytes.subarray(1))).toThrow(/868 bytes; got 867/u);
});

test("a batch is filled up to its longest image", () => {
  const inputs = [2, 3].map((at) => preprocess(picture(at), config));
  const joined = joinInputs(inputs);
  const longest = Math.max(...inputs.map(({ length }) => length));
  expect(joined.length).toBe(2 * longest);
  expect(joined.subarray(longest, longest + inputs[1]!.length)).toEqual(inputs[1]);
  expect(joinInputs(inputs, inputLength(config)).length).toBe(2 * inputLength(config));
});

test("shapes and lengths of both kinds of inputs", () => {
  expect(inputShape(config, 5)).toEqual([5, 18, 52]);
  expect(inputShape(clipPreprocess(8), 5)).toEqual([5, 3, 8, 8]);
  const wide = clipPreprocess([4, 8]);
  expect([inputShape(wide, 5), inputSize(wide)]).toEqual([
    [5, 3, 4, 8],
    [4, 8],
  ]);
  expect([inputLength(wide), inputBytes(wide)]).toEqual([96, 96]);
  expect([inputLength(config), inputLength(clipPreprocess(8))]).toEqual([936, 192]);
  expect([inputBytes(config), inputBytes(clipPreprocess(8))]).toEqual([868, 192]);
  expect([inputSize(naflexPreprocess()), inputSize(clipPreprocess(8))]).toEqual([256, 8]);
  expect(() => planesOnly(config, "augment")).toThrow(/augment is for models whose images are of one size/u);
});

test("the file is transformers', both ways", () => {
  const theirs = {
    do_normalize: true,
    do_rescale: true,
    do_resize: true,
    do_convert_rgb: null,
    image_mean: [0.5, 0.5, 0.5],
    image_processor_type: "Siglip2ImageProcessor",
    image_std: [0.5, 0.5, 0.5],
    max_num_patches: 18,
    patch_size: 4,
    resample: 2,
    rescale_factor: 1 / 255,
  };
  expect(parsePreprocessorConfig(theirs)).toEqual(config);
  expect(parsePreprocessorConfig(formatPreprocessorConfig(config))).toEqual(config);
  const black = { ...config, alpha: [0, 0, 0] } as const;
  expect(parsePreprocessorConfig(formatPreprocessorConfig(black))).toEqual(black);
  expect(parsePreprocessorConfig({ image_processor_type: "Siglip2ImageProcessorFast" })).toEqual(naflexPreprocess());
  expect(lostPreprocess(config, "transformers")).toEqual([]);
  expect(describePreprocess(config)).toBe(
    "shape kept, up to 18 patches of 4, bilinear, mean 0.5 0.5 0.5, deviation 0.5 0.5 0.5",
  );
});

test.each([
  [{ size: 224 }, /"size" is 224, which is not understood/u],
  [{ do_center_crop: true }, /"do_center_crop" is true/u],
  [{ max_num_patches: 0 }, /"max_num_patches".*whole number/u],
  [{ patch_size: [16, 16] }, /"patch_size".*whole number/u],
  [{ do_resize: false }, /"do_resize"/u],
])("%o is refused", (keys, message) => {
  const json = { image_processor_type: "Siglip2ImageProcessor", ...keys };
  expect(() => parsePreprocessorConfig(json)).toThrow(message);
});

const vision = { kind: "naflex", imageSize: 16, patchSize: 4 };
const folder = (json: unknown) => ({
  place: "here",
  read: async (name: string): Promise<unknown> => (name === "preprocessor_config.json" ? json : undefined),
  onNotice: () => undefined,
});

test("a model and its files say the same kind of input", async () => {
  const own = formatPreprocessorConfig(config);
  expect(await findPreprocess(folder(own), { vision })).toEqual(config);
  expect(await findPreprocess(folder(undefined), { vision })).toEqual(usualPreprocess({ vision }));
  expect(usualPreprocess({ vision })).toEqual(naflexPreprocess(4, 16));
  const published = { kind: "naflex", imageSize: 256, patchSize: 16 };
  expect(usualPreprocess({ vision: published })).toEqual(naflexPreprocess());
  const squares = formatPreprocessorConfig(clipPreprocess(16));
  await expect(findPreprocess(folder(squares), { vision })).rejects.toThrow(
    /pictures become planes of one size, but the model takes rows of patches/u,
  );
  const square = { imageSize: 16 };
  await expect(findPreprocess(folder(own), { vision: square })).rejects.toThrow(/become rows of patches/u);
  const wide = formatPreprocessorConfig(naflexPreprocess(8));
  await expect(findPreprocess(folder(wide), { vision })).rejects.toThrow(/patches of 8 .* takes 4 .*"patch_size"/u);
});

test("transformers' arrays are the same images, both ways", () => {
  const inputs = [2, 3].map((at) => preprocess(picture(at), config));
  const joined = joinInputs(inputs, inputLength(config));
  const arrays = splitPatches(joined, inputShape(config, 2));
  expect([...arrays.spatialShapes]).toEqual([2, 3].flatMap((at) => golden.pictures[at]![3]));
  const [rows, columns] = golden.pictures[2]![3];
  expect(arrays.pixelAttentionMask.subarray(0, 18).reduce((sum, value) => sum + value, 0)).toBe(rows * columns);
  expect(joinPatches(arrays, [2, 18, 48])).toEqual(joined);
  expect(() => joinPatches(arrays, [2, 17, 48])).toThrow(/need pixel_attention_mask .* got \[2, 17, 48\], 36 and 4/u);
});

test("another image size is another number of patches", () => {
  expect(preprocessAtSize(naflexPreprocess(), 384)).toEqual(naflexPreprocess(16, 576));
  expect(preprocessAtSize(config, inputSize(config))).toBe(config);
  for (const patchSize of [1, 4, 14, 16]) {
    for (let count = 1; count < 1100; count++) {
      const size = inputSize(naflexPreprocess(patchSize, count));
      expect(preprocessAtSize(naflexPreprocess(patchSize, 2000), size)).toEqual(naflexPreprocess(patchSize, count));
    }
  }
  expect(inputSize(naflexPreprocess(4, 18))).toBe(17);
  expect(inputSize(naflexPreprocess(4, 11))).toEqual([4, 44]);
  expect(preprocessAtSize(naflexPreprocess(), [256, 512])).toEqual(naflexPreprocess(16, 512));
  expect(preprocessAtSize(config, 1)).toMatchObject({ maxPatches: 1 });
  expect(preprocessAtSize(clipPreprocess(8), 16)).toEqual({ ...clipPreprocess(8), size: 16 });
});
