import fc from "fast-check";
import { expect, test } from "vitest";
import { crop as cropImage } from "./crop.ts";
import { formulaImage, readFixture, shortSha256, type PillowCases } from "./fixtures/formula-image.ts";
import type { Pixels } from "./pixels.ts";
import { resize } from "./resize.ts";

const cases = readFixture<PillowCases>("pillow-cases").resize;
const interpolation = fc.constantFrom("bicubic" as const, "bilinear" as const);
const side = fc.integer({ min: 1, max: 40 });
const channels = fc.constantFrom(1 as const, 3 as const, 4 as const);

const image = fc
  .record({ width: side, height: side, channels, seed: fc.integer({ min: 1, max: 1e6 }) })
  .map(({ width, height, channels, seed }): Pixels => {
    const data = Uint8Array.from(
      { length: width * height * channels },
      (_, index) => Math.imul(index + seed, 2_654_435_761) >>> 24,
    );
    return { data, width, height, channels };
  });

test.each(cases)(
  "Pillow's bytes: $width x $height, $channels channels, to $to, $interpolation, box $box",
  ({ width, height, channels, to, interpolation, box, sha256 }) => {
    const resized = resize(formulaImage(width, height, channels), {
      width: to[0],
      height: to[1],
      interpolation,
      ...(box === undefined ? {} : { box }),
    });
    expect(shortSha256(resized.data)).toBe(sha256);
  },
);

test("a part of the result has the bytes of the whole result, cropped", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(image, side, side, interpolation, share, share, (...drawn) => {
      const [pixels, width, height, interpolation, across, down] = drawn;
      const left = Math.floor(across * (width - 1));
      const top = Math.floor(down * (height - 1));
      const crop = { left, top, width: Math.ceil((width - left) / 2), height: height - top };
      const whole = resize(pixels, { width, height, interpolation });
      expect(resize(pixels, { width, height, interpolation, crop })).toEqual(cropImage(whole, crop));
    }),
  );
});

test("a box of whole pixels at its own size is a crop", () => {
  fc.assert(
    fc.property(image, interpolation, (pixels, interpolation) => {
      const opaque = pixels.data.map((byte, index) => (index % 4 === 3 ? 255 : byte));
      const source = pixels.channels === 4 ? { ...pixels, data: opaque } : pixels;
      const left = Math.floor(pixels.width / 3);
      const top = Math.floor(pixels.height / 4);
      const rectangle = { left, top, width: pixels.width - left, height: pixels.height - top };
      const box = [left, top, pixels.width, pixels.height] as const;
      expect(resize(source, { ...rectangle, interpolation, box })).toEqual(cropImage(source, rectangle));
    }),
  );
});

test("a plain image stays plain", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(image, byte, side, side, interpolation, (...drawn) => {
      const [pixels, value, width, height, interpolation] = drawn;
      const data = pixels.data.map((_, index) => (index % 4 === 3 ? 255 : value));
      const plain = { ...pixels, data: pixels.channels === 4 ? data : data.fill(value) };
      const resized = resize(plain, { width, height, interpolation });
      const colors = resized.data.filter((_, index) => plain.channels < 4 || index % 4 < 3);
      expect(new Set(colors)).toEqual(new Set([value]));
    }),
  );
});

test("the source is left alone and the result is new, even at the same size", () => {
  const source = formulaImage(12, 9, 4);
  const before = Uint8Array.from(source.data);
  const copy = resize(source, { width: 12, height: 9, interpolation: "bicubic" });
  copy.data.fill(0);
  resize(source, { width: 5, height: 20, interpolation: "bilinear" });
  expect(source.data).toEqual(before);
});

test("colours under transparent pixels do not bleed into the result", () => {
  const data = Uint8Array.from({ length: 16 * 4 }, (_, index) => {
    const isLeft = Math.floor(index / 4) % 4 < 2;
    if (index % 4 === 3) return isLeft ? 255 : 0;
    return isLeft ? 40 : 250;
  });
  const { data: small } = resize(
    { data, width: 4, height: 4, channels: 4 },
    { width: 1, height: 1, interpolation: "bilinear" },
  );
  expect(small[0]).toBeLessThan(42);
});

const source = formulaImage(8, 6);
const to = { width: 4, height: 4, interpolation: "bicubic" } as const;

test.each([
  ["bytes missing", { ...source, data: source.data.subarray(1) }, to, /has 144 bytes, got 143/],
  ["no width", { ...source, width: 0 }, to, /width must be a positive whole number, got 0/],
  ["two channels", { ...source, channels: 2 as 3 }, to, /1, 3 or 4 channels, got 2/],
  ["no target height", source, { ...to, height: 0 }, /height must be a positive/],
  ["half a target pixel", source, { ...to, width: 2.5 }, /width must be a positive/],
  ["an empty box", source, { ...to, box: [2, 2, 2, 4] as const }, /box is left, top/],
  ["a box outside", source, { ...to, box: [0, 0, 9, 4] as const }, /8 x 6, got 0, 0, 9, 4/],
  [
    "a crop outside the result",
    source,
    { ...to, crop: { left: 1, top: 0, width: 4, height: 4 } },
    /inside the image of 4 x 4/,
  ],
])("refuses %s", (_name, pixels, options, message) => {
  expect(() => resize(pixels, options)).toThrowError(message);
});
