import { expect, test } from "vitest";
import { formulaImage, readFixture, shortSha256, type PillowCases } from "./fixtures/formula-image.ts";
import { toRgb } from "./color.ts";

test.each(readFixture<PillowCases>("pillow-cases").toRgb)(
  "Pillow's RGB of an image with alpha, background $background",
  ({ width, height, background, sha256 }) => {
    const image = formulaImage(width, height, 4);
    expect(shortSha256(toRgb(image, background ?? undefined).data)).toBe(sha256);
  },
);

test("grey is repeated and RGB comes back as it is", () => {
  const grey = formulaImage(5, 4, 1);
  const { data, channels } = toRgb(grey);
  expect(channels).toBe(3);
  expect(Array.from(data)).toEqual(Array.from(grey.data).flatMap((value) => [value, value, value]));
  const image = formulaImage(5, 4);
  expect(toRgb(image, [1, 2, 3])).toBe(image);
});

test("opaque pixels keep their colour, transparent ones take the background", () => {
  const data = Uint8Array.from([9, 99, 199, 255, 9, 99, 199, 0]);
  const rgb = toRgb({ data, width: 2, height: 1, channels: 4 }, [1, 2, 3]);
  expect(Array.from(rgb.data)).toEqual([9, 99, 199, 1, 2, 3]);
});

test.each([[[1, 2, 256]], [[1, 2]], [[0.5, 0, 0]]])("refuses the background %j", (background) => {
  const color = background as unknown as [number, number, number];
  expect(() => toRgb(formulaImage(2, 2, 4), color)).toThrowError(/three whole numbers/);
});
