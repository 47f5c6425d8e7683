import fc from "fast-check";
import { expect, test } from "vitest";
import { centerCrop, crop, flipHorizontal, roundHalfEven } from "./crop.ts";
import { formulaImage, readFixture, shortSha256, type PillowCases } from "./fixtures/formula-image.ts";

test.each(readFixture<PillowCases>("pillow-cases").centerCrop)(
  "torchvision's middle of $width x $height, $channels channels: $to",
  ({ width, height, channels, to, sha256 }) => {
    const middle = centerCrop(formulaImage(width, height, channels), {
      width: to[0],
      height: to[1],
    });
    expect([middle.width, middle.height]).toEqual(to);
    expect(shortSha256(middle.data)).toBe(sha256);
  },
);

test("halves go to the even side, as in Python", () => {
  const halves = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5];
  expect(halves.map(roundHalfEven)).toEqual([-2, -2, 0, 0, 2, 2, 4]);
  fc.assert(
    fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), (value) => {
      expect(Math.abs(roundHalfEven(value) - value)).toBeLessThanOrEqual(0.5);
    }),
  );
});

test("a crop keeps the pixels of its rectangle", () => {
  const image = formulaImage(7, 5, 4);
  const part = crop(image, { left: 2, top: 1, width: 3, height: 4 });
  for (let row = 0; row < 4; row++) {
    const from = ((row + 1) * 7 + 2) * 4;
    expect(part.data.slice(row * 12, row * 12 + 12)).toEqual(image.data.slice(from, from + 12));
  }
});

test("mirroring twice gives the image back, once moves the first pixel to the end", () => {
  for (const channels of [1, 3, 4] as const) {
    const image = formulaImage(6, 3, channels);
    const mirrored = flipHorizontal(image);
    expect(flipHorizontal(mirrored)).toEqual(image);
    expect(mirrored.data.slice(5 * channels, 6 * channels)).toEqual(image.data.slice(0, channels));
  }
});

test.each([
  { left: -1, top: 0, width: 2, height: 2 },
  { left: 0, top: 4, width: 2, height: 2 },
  { left: 0, top: 0, width: 0, height: 2 },
  { left: 0.5, top: 0, width: 2, height: 2 },
])("refuses the crop %j", (rectangle) => {
  expect(() => crop(formulaImage(7, 5), rectangle)).toThrowError(/inside the image of 7 x 5/);
});

test("refuses a middle of no size", () => {
  expect(() => centerCrop(formulaImage(7, 5), { width: 0, height: 1 })).toThrowError(/width must/);
});
