import type { ImageSize } from "@clip-ts/base";
import { describe, expect, test } from "vitest";
import { formulaImage, readFixture, shortSha256 } from "./fixtures/formula-image.ts";
import { parseOpenClipPreprocess } from "./open-clip-preprocess.ts";
import { preprocess } from "./preprocess.ts";
import { parsePreprocessorConfig } from "./preprocessor-json.ts";

interface Case {
  readonly name: string;
  readonly json: object;
  readonly sha256: readonly string[];
}

/** Written by tools/peers/make_preprocessor_fixtures.py. */
const { pictures, files, near, openClip } = readFixture<{
  readonly pictures: readonly (readonly [width: number, height: number])[];
  readonly files: readonly Case[];
  readonly near: readonly (Omit<Case, "sha256"> & { readonly values: readonly (readonly number[])[] })[];
  readonly openClip: readonly (Case & { readonly size: ImageSize })[];
}>("preprocessors");

const images = pictures.map(([width, height]) => formulaImage(width, height));

describe("transformers' pixels", () => {
  test.each(files)("$name", ({ json, sha256 }) => {
    const config = parsePreprocessorConfig(json);
    expect(images.map((image) => shortSha256(preprocess(image, config)))).toEqual(sha256);
  });
});

/** Every so many-th value, and the mean of all: as the script samples them. */
function samplesOf(planes: Float32Array): number[] {
  const step = Math.max(1, Math.floor(planes.length / 7));
  const mean = planes.reduce((sum, value) => sum + value, 0) / planes.length;
  return [...planes.filter((_, at) => at % step === 0), mean];
}

describe("scales that become part of mean and deviation give transformers' numbers but for the last digits", () => {
  test.each(near)("$name", ({ json, values }) => {
    const config = parsePreprocessorConfig(json);
    for (const [at, image] of images.entries()) {
      const made = samplesOf(preprocess(image, config));
      const scale = Math.max(...made.map(Math.abs));
      const furthest = made.map((value, place) => Math.abs(value - values[at]![place]!) / scale);
      expect(furthest.length).toBe(values[at]!.length);
      expect(Math.max(...furthest)).toBeLessThan(5e-7);
    }
  });
});

describe("open_clip's pixels", () => {
  test.each(openClip)("$name", ({ json, size, sha256 }) => {
    const config = parseOpenClipPreprocess(json, size);
    expect(images.map((image) => shortSha256(preprocess(image, config)))).toEqual(sha256);
  });
});
