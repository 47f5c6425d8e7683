import { expect, test } from "vitest";
import { formulaImage, readFixture, sha256, shortSha256, type PillowCases } from "./fixtures/formula-image.ts";
import { normalizePlanes } from "./planes.ts";
import { resizedSize } from "./fit.ts";
import { normalize, preprocess, preprocessToPixels } from "./preprocess.ts";
import { clipPreprocess, siglipPreprocess, torchvisionPreprocess } from "./preprocess-config.ts";

interface Golden {
  readonly cases: readonly {
    readonly width: number;
    readonly height: number;
    readonly size: number;
    readonly input_sha256: string;
    readonly resized: readonly [number, number];
    readonly shortest_crop_u8_sha256: string;
    readonly tensor_mean: number;
    readonly tensor_std: number;
    readonly squash_bicubic_sha256: string;
    readonly squash_bilinear_sha256: string;
  }[];
}

test.each(readFixture<Golden>("preprocess").cases)(
  "OpenAI's pixels for $width x $height",
  ({ width, height, size, ...expected }) => {
    const image = formulaImage(width, height);
    const config = torchvisionPreprocess(clipPreprocess(size));
    const squash = { ...config, resize: "squash" } as const;
    const squashBilinear = { ...squash, interpolation: "bilinear" } as const;
    expect(sha256(image.data)).toContain(expected.input_sha256);
    expect(Object.values(resizedSize(image, size))).toEqual(expected.resized);
    expect(sha256(preprocessToPixels(image, config).data)).toBe(expected.shortest_crop_u8_sha256);
    expect(sha256(preprocessToPixels(image, squash).data)).toBe(expected.squash_bicubic_sha256);
    expect(sha256(preprocessToPixels(image, squashBilinear).data)).toBe(expected.squash_bilinear_sha256);
    const { mean, deviation } = moments(preprocess(image, config));
    expect(mean).toBeCloseTo(expected.tensor_mean, 6);
    expect(deviation).toBeCloseTo(expected.tensor_std, 4);
  },
);

test.each(readFixture<PillowCases>("pillow-cases").tensor)(
  "torchvision's float32 numbers: $width x $height, $channels channels, RGB $convertRgb",
  ({ width, height, channels, size, convertRgb, sha256 }) => {
    const config = { ...torchvisionPreprocess(clipPreprocess(size)), convertRgb };
    const planes = preprocess(formulaImage(width, height, channels), config);
    expect(planes).toHaveLength(3 * size * size);
    expect(shortSha256(planes)).toBe(sha256);
  },
);

test("a background shows through before or after the resize", () => {
  const clear = { ...formulaImage(20, 16, 4), data: new Uint8Array(20 * 16 * 4) };
  for (const convertRgb of ["before-resize", "after-resize"] as const) {
    const config = { ...clipPreprocess(8), convertRgb, alpha: [7, 77, 177] as const };
    const { data } = preprocessToPixels(clear, config);
    expect(Array.from(data.slice(0, 6))).toEqual([7, 77, 177, 7, 77, 177]);
  }
});

test("SigLIP's numbers run from -1 to 1", () => {
  const data = Uint8Array.from([0, 0, 0, 255, 255, 255]);
  const planes = normalize({ data, width: 2, height: 1, channels: 3 }, siglipPreprocess(224));
  expect(Array.from(planes)).toEqual([-1, 1, -1, 1, -1, 1]);
});

test.each([
  [{ size: 0 }, /size must be a positive whole number, got 0/],
  [{ std: [1, 0, 1] as const }, /std above 0/],
  [{ mean: [1, Number.NaN, 1] as const }, /three numbers each/],
  [{ alpha: [1, 2, 300] as const }, /three whole numbers from 0 to 255/],
])("refuses the config %j", (change, message) => {
  const config = { ...clipPreprocess(8), ...change };
  expect(() => preprocess(formulaImage(9, 9), config)).toThrowError(message);
});

function moments(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / values.length) };
}

test("bytes plane by plane become the numbers of the same bytes pixel by pixel", () => {
  const statistics = clipPreprocess(224);
  const [first, second] = [formulaImage(5, 4, 3), formulaImage(4, 5, 3)];
  const planes = new Uint8ClampedArray(2 * 60);
  for (const [image, { data }] of [first, second].entries()) {
    data.forEach((value, at) => (planes[image * 60 + (at % 3) * 20 + Math.floor(at / 3)] = value));
  }
  const expected = [...normalize(first, statistics), ...normalize(second, statistics)];
  expect(Array.from(normalizePlanes(planes, 20, statistics))).toEqual(expected);
});
