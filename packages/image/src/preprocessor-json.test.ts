import fc from "fast-check";
import { expect, test } from "vitest";
import { clipPreprocess, resizeModes, siglipPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { formatPreprocessorConfig } from "./preprocessor-format.ts";
import { parsePreprocessorConfig } from "./preprocessor-json.ts";
import { interpolations } from "./resample-table.ts";

const byte = fc.integer({ min: 0, max: 255 });
const number = fc.double({ min: -10, max: 10, noNaN: true }).map((value) => value + 0); // no -0
const positive = fc.double({ min: 0.01, max: 10, noNaN: true });

const side = fc.integer({ min: 1, max: 1000 });
const size = fc.oneof(
  side,
  fc.tuple(side, side).filter(([height, width]) => height !== width),
);

const anyConfig: fc.Arbitrary<PreprocessConfig> = fc.record({
  size,
  resize: fc.constantFrom(...resizeModes),
  interpolation: fc.constantFrom(...interpolations),
  convertRgb: fc.constantFrom("before-resize" as const, "after-resize" as const),
  centerCrop: fc.constantFrom("floor" as const, "half-even" as const),
  alpha: fc.oneof(fc.constant("drop" as const), fc.tuple(byte, byte, byte)),
  mean: fc.tuple(number, number, number),
  std: fc.tuple(positive, positive, positive),
});

test("a written file reads back as the same config", () => {
  fc.assert(
    fc.property(anyConfig, (config) => {
      const text = JSON.stringify(formatPreprocessorConfig(config));
      expect(parsePreprocessorConfig(JSON.parse(text))).toEqual(config);
    }),
  );
});

test("so does what is resized to another size than the result's, and what is filled", () => {
  const fill = fc.integer({ min: 1, max: 255 });
  const resized = fc.constantFrom("shortest" as const, "longest" as const, "squash" as const);
  fc.assert(
    fc.property(anyConfig, resized, size, fill, (config, resize, resizeTo, fill) => {
      fc.pre(JSON.stringify(resizeTo) !== JSON.stringify(config.size));
      const whole = { ...config, resize, resizeTo, fill };
      const text = JSON.stringify(formatPreprocessorConfig(whole));
      expect(parsePreprocessorConfig(JSON.parse(text))).toEqual(whole);
    }),
  );
  const limited = { ...clipPreprocess(224), longestEdge: 300 };
  expect(parsePreprocessorConfig(formatPreprocessorConfig(limited))).toEqual(limited);
});

test("writes what Hugging Face's loaders read", () => {
  expect(formatPreprocessorConfig(clipPreprocess(224))).toEqual({
    image_processor_type: "CLIPImageProcessor",
    do_resize: true,
    size: { shortest_edge: 224 },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: 224, width: 224 },
    do_rescale: true,
    rescale_factor: 0.00392156862745098,
    do_normalize: true,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
    do_convert_rgb: true,
  });
  expect(formatPreprocessorConfig(siglipPreprocess(256))).toMatchObject({
    image_processor_type: "SiglipImageProcessor",
    size: { height: 256, width: 256 },
  });
});

test("reads the older form with plain numbers", () => {
  const old = { feature_extractor_type: "CLIPFeatureExtractor", size: 336, crop_size: 336 };
  expect(parsePreprocessorConfig({ ...old, resample: 3 })).toEqual(clipPreprocess(336));
});

test("no normalising means values from 0 to 1", () => {
  const { mean, std } = parsePreprocessorConfig({ size: 224, do_normalize: false });
  expect([mean, std]).toEqual([
    [0, 0, 0],
    [1, 1, 1],
  ]);
});

test("an older folder with numbers for sizes is not square unless it says so", () => {
  const siglip = { image_processor_type: "SiglipImageProcessor", size: 224 };
  expect(() => parsePreprocessorConfig(siglip)).toThrow(/"size" should be such that/u);
});

test("a file that names no image processor takes the model's", () => {
  const file = { size: { height: 224, width: 224 }, do_center_crop: false };
  expect(parsePreprocessorConfig(file).mean).toEqual(clipPreprocess(1).mean);
  expect(parsePreprocessorConfig(file, { usualProcessor: "ViTImageProcessor" })).toMatchObject({
    interpolation: "bilinear",
    mean: [0.5, 0.5, 0.5],
  });
});

const siglip = { image_processor_type: "SiglipImageProcessor" };
const nothing = { size: null };

test.each([
  [[], /preprocessor_config.json must be an object, got \[\]/],
  [nothing, /"size" should be/],
  [{ resample: 6 }, /"resample" should be one of 0 \(nearest\), 4 \(box\), .*, got 6/],
  [{ resample: null }, /"resample" should be one of .*, got null/],
  [{ resample: "bicubic" }, /"resample" should be/],
  [{ size: { longest_edge: 224 } }, /longest_edge, which alone no processor resizes by/],
  [{ size: { max_height: 2, max_width: 3 } }, /"size" should be { height, width }, or/],
  [{ size: { height: 2 } }, /"size" should be { height, width }, or/],
  [{ size: { shortest_edge: 2, longest_edge: 0 } }, /"size" should be a whole number/],
  [{ size: "224" }, /size must be an object, got "224"/],
  [{ crop_size: { shortest_edge: 224 } }, /"crop_size" should be { height, width } or a number/],
  [{ crop_size: { height: 224, width: 0 } }, /"crop_size" should be a whole number/],
  [{ crop_size: null }, /"crop_size" should be/],
  [{ ...siglip, do_center_crop: true }, /"crop_size" should be set/],
  [{ do_resize: false, do_center_crop: false }, /"do_resize" should be true, or do_center_crop beside it/],
  [{ do_resize: 1 }, /"do_resize" should be true or false, got 1/],
  [{ do_center_crop: false }, /"do_center_crop" should be such that all pictures become of one size/],
  [{ do_rescale: "no" }, /"do_rescale" should be true or false/],
  [{ rescale_factor: 0 }, /"rescale_factor" should be a number above 0/],
  [{ rescale_factor: null }, /"rescale_factor" should be a number above 0/],
  [{ rescale_offset: true }, /"rescale_offset" is true, which is not understood/],
  [{ include_top: true }, /"include_top" is true, which is not understood/],
  [{ image_mean: [0.5, 0.5] }, /"image_mean" should be three numbers/],
  [{ image_mean: [0.5, 0.5, Number.NaN] }, /"image_mean" should be three numbers/],
  [{ image_mean: null }, /"image_mean" should be three numbers, got null/],
  [{ image_std: [0.5, 0.5, 0] }, /above 0/],
  [{ image_std: [0.5, 0.5, 1 / 0] }, /"image_std" should be three numbers/],
  [{ size: -1 }, /"size" should be a whole number from 1 to 8192, got -1/],
  [{ size: 22.5 }, /"size" should be a whole number/],
  [{ size: 1e9 }, /"size" should be a whole number/],
  [{ size: { shortest_edge: "224" } }, /"size" should be a whole number/],
  [{ do_pad: true, pad_size: 256 }, /"pad_size" should be 224 as pictures are/],
  [{ crop_pct: 0.9 }, /"crop_pct" is 0.9, which is not understood/],
  [{ do_sharpen: true }, /"do_sharpen" is true, which is not understood/],
  [{ interpolation: "bicubic" }, /"interpolation" is "bicubic", which is not understood/],
  [{ use_square_size: true }, /"use_square_size" is true/],
  [{ data_format: "channels_last" }, /"data_format" should be "channels_first"/],
  [{ input_data_format: "channels_first" }, /"input_data_format" should be "channels_last"/],
  [{ image_processor_type: "OwlViTImageProcessor" }, /should be one of CLIP.*got "OwlViTImage/],
  [{ feature_extractor_type: "FlavaFeatureExtractor" }, /"feature_extractor_type" should be one/],
  [{ image_processor_type: 7 }, /"image_processor_type" should be a name/],
  [{ auto_map: { AutoImageProcessor: "own.Own" } }, /"auto_map" should be left out/],
  [{ clip_ts: { convert_rgb: "never" } }, /"convert_rgb" should be "before-resize" or/],
  [{ clip_ts: { alpha: "white" } }, /clip_ts: "alpha" should be three numbers/],
  [{ clip_ts: { center_crop: "ceil" } }, /"center_crop" should be "floor" or "half-even"/],
  [{ clip_ts: { crop: "floor" } }, /clip_ts: "crop" is not known/],
  [{ clip_ts: { resize: "widest" } }, /clip_ts: "resize" should be "shortest" or/],
  [{ clip_ts: { resize_to: [1] } }, /clip_ts: "resize_to" should be a whole number/],
  [{ clip_ts: { fill: "grey" } }, /clip_ts: "fill" should be a number/],
])("refuses %j", (json, message) => {
  expect(() => parsePreprocessorConfig(json)).toThrowError(message);
});
