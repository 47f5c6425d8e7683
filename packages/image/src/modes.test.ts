import { expect, test } from "vitest";
import { formulaImage, readFixture, shortSha256 } from "./fixtures/formula-image.ts";
import type { Pixels } from "./pixels.ts";
import { preprocessToPixels } from "./preprocess.ts";
import { clipPreprocess } from "./preprocess-config.ts";
import { resize } from "./resize.ts";
import { toRgb } from "./color.ts";

/** What Pillow makes of the formula's bytes in a mode; see tools/peers/make_image_fixtures.py. */
interface ModeCase {
  readonly mode: "P" | "CMYK" | "I;16" | "I" | "F";
  readonly width: number;
  readonly height: number;
  readonly to: readonly [number, number];
  readonly interpolation: "bicubic" | "bilinear";
  readonly rgb: string;
  readonly sha256: string;
}

function formulaOf({ mode, width, height }: ModeCase): Pixels {
  const size = { width, height };
  if (mode === "P") {
    const indices = Array.from(formulaImage(width, height, 1).data);
    const data = Uint8Array.from(indices.flatMap((index) => [0, 3, 6].map((shift) => 7 * index + shift)));
    return { ...size, data, channels: 3, mode: "indexed" };
  }
  const four = formulaImage(width, height, 4);
  if (mode === "CMYK") return { ...four, mode: "cmyk" };
  if (mode === "I;16") {
    const data = four.data.filter((_, index) => index % 4 < 2);
    return { ...size, data, channels: 1, mode };
  }
  const samples = new Int32Array(four.data.buffer).map((sample) => Math.floor(sample / 2 ** 12));
  const stored = mode === "I" ? samples : Float32Array.from(samples, (sample) => sample / 8);
  return { ...size, data: new Uint8Array(stored.buffer), channels: 1, mode };
}

test.each(readFixture<ModeCase[]>("mode-cases"))(
  "Pillow's bytes in mode $mode: $width x $height to $to, $interpolation",
  (modeCase) => {
    const { to, interpolation, rgb, sha256 } = modeCase;
    const image = formulaOf(modeCase);
    expect(shortSha256(toRgb(image).data)).toBe(rgb);
    const resized = resize(image, { width: to[0], height: to[1], interpolation });
    expect(shortSha256(toRgb(resized).data)).toBe(sha256);
  },
);

test("alpha that a file names is forgotten before a resize in either order", () => {
  const image = formulaImage(40, 30, 4);
  const rgb = toRgb(image);
  for (const convertRgb of ["before-resize", "after-resize"] as const) {
    const config = { ...clipPreprocess(8), convertRgb };
    const expected = preprocessToPixels(rgb, config);
    expect(preprocessToPixels({ ...image, mode: "keyed" }, config)).toEqual(expected);
  }
});

test.each([
  ["cmyk", 3, /mode "cmyk" has 4 channels, got 3/],
  ["keyed", 3, /mode "keyed" has 4 channels, got 3/],
  ["I;16", 3, /mode "I;16" has 1 channels, got 3/],
] as const)("refuses mode %s with %d channels", (mode, channels, message) => {
  const image = { ...formulaImage(4, 4, channels), mode };
  expect(() => toRgb(image)).toThrowError(message);
});

test("deep samples may begin anywhere in memory", () => {
  const memory = Uint8Array.of(9, 7, 0, 44, 1, 255, 0);
  const pixels = {
    data: memory.subarray(1),
    width: 3,
    height: 1,
    channels: 1,
    mode: "I;16",
  } as const;
  expect(Array.from(toRgb(pixels).data)).toEqual([7, 7, 7, 255, 255, 255, 255, 255, 255]);
});
