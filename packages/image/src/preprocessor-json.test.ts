import fc from "fast-check";
import { expect, test } from "vitest";
import { clipPreprocess, siglipPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { formatPreprocessorConfig, parsePreprocessorConfig } from "./preprocessor-json.ts";

const byte = fc.integer({ min: 0, max: 255 });
const number = fc.double({ min: -10, max: 10, noNaN: true }).map((value) => value + 0); // no -0
const positive = fc.double({ min: 0.01, max: 10, noNaN: true });

const anyConfig: fc.Arbitrary<PreprocessConfig> = fc.record({
  size: fc.integer({ min: 1, max: 1000 }),
  resize: fc.constantFrom("shortest" as const, "squash" as const),
  interpolation: fc.constantFrom("bicubic" as const, "bilinear" as const),
  convertRgb: fc.constantFrom("before-resize" as const, "after-resize" as const),
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
  const siglip = { image_processor_type: "SiglipImageProcessor", size: 224 };
  expect(parsePreprocessorConfig(siglip).resize).toBe("squash");
});

test("no normalising means values from 0 to 1", () => {
  const { mean, std } = parsePreprocessorConfig({ size: 224, do_normalize: false });
  expect([mean, std]).toEqual([
    [0, 0, 0],
    [1, 1, 1],
  ]);
});

test.each([
  [[], /preprocessor_config.json must be an object, got \[\]/],
  [{ resample: 1 }, /resample must be 2 \(bilinear\) or 3 \(bicubic\), got 1/],
  [{ size: { height: 2, width: 3 } }, /got height 2 and width 3/],
  [{ size: { longest_edge: 224 } }, /shortest_edge/],
  [{ size: "224" }, /size must be an object, got "224"/],
  [{ size: 256, crop_size: 224 }, /crop_size must equal size, got 224 and 256/],
  [{ size: { height: 9, width: 9 }, crop_size: 8 }, /crop_size must equal size, got 8 and 9/],
  [{ do_resize: false }, /do_resize is false/],
  [{ do_center_crop: false }, /do_center_crop is false/],
  [{ do_rescale: false }, /do_rescale is false/],
  [{ rescale_factor: 1 / 127.5 }, /rescale_factor must be 1\/255/],
  [{ image_mean: [0.5, 0.5] }, /image_mean must be three numbers/],
  [{ image_std: [0.5, 0.5, 0] }, /std above 0/],
  [{ size: -1 }, /size must be a positive/],
  [{ clip_ts: { convert_rgb: "never" } }, /convert_rgb must be/],
  [{ clip_ts: { alpha: "white" } }, /clip_ts.alpha must be three numbers/],
])("refuses %j", (json, message) => {
  expect(() => parsePreprocessorConfig(json)).toThrowError(message);
});
