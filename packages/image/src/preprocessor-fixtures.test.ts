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
const { pictures, files, openClip } = readFixture<{
  readonly pictures: readonly (readonly [width: number, height: number])[];
  readonly files: readonly Case[];
  readonly openClip: readonly Case[];
}>("preprocessors");

const images = pictures.map(([width, height]) => formulaImage(width, height));

describe("transformers' pixels", () => {
  test.each(files)("$name", ({ json, sha256 }) => {
    const config = parsePreprocessorConfig(json);
    expect(images.map((image) => shortSha256(preprocess(image, config)))).toEqual(sha256);
  });
});

describe("open_clip's pixels", () => {
  test.each(openClip)("$name", ({ json, sha256 }) => {
    const config = parseOpenClipPreprocess(json, 7);
    expect(images.map((image) => shortSha256(preprocess(image, config)))).toEqual(sha256);
  });
});
