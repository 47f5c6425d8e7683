import { readFileSync } from "node:fs";
import fc from "fast-check";
import sharp from "sharp";
import { expect, test } from "vitest";
import { readJpegHead } from "./jpeg-head.ts";

const fixture = (name: string): Buffer => readFileSync(new URL(`fixtures/images/${name}`, import.meta.url));
const names = [
  "cmyk.jpg",
  "exif-6.jpg",
  "full-chroma.jpg",
  "grey.jpg",
  "half-chroma.jpg",
  "icc.jpg",
  "progressive.jpg",
];

test.each(names)("the head of %s says what libvips says", async (name) => {
  const { width, height, channels, exif } = await sharp(fixture(name)).metadata();
  expect(readJpegHead(fixture(name))).toEqual({ width, height, components: channels, hasExif: exif !== undefined });
});

test("fill bytes before a marker are passed over", () => {
  const bytes = fixture("rgb.jpg");
  const filled = Buffer.concat([bytes.subarray(0, 2), Buffer.from([0xff, 0xff]), bytes.subarray(2)]);
  expect(readJpegHead(filled)).toEqual(readJpegHead(bytes));
});

test("other files, twelve bits, lossless frames and cut heads have none", () => {
  const bytes = fixture("rgb.jpg");
  const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  const deep = Buffer.from(bytes);
  deep[frame + 4] = 12;
  const lossless = Buffer.from(bytes);
  lossless[frame + 1] = 0xc3;
  const others = [fixture("rgb.png"), deep, lossless, bytes.subarray(0, frame + 6), Buffer.alloc(0)];
  expect(others.map(readJpegHead)).toEqual(others.map(() => undefined));
});

test("any bytes are read to their end, no further", () => {
  const start = fc.constantFrom([], [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xe1], [0xff, 0xd8, 0xff, 0xc0, 0, 17, 8]);
  const bytes = fc.tuple(start, fc.array(fc.oneof(fc.constantFrom(0xff, 0, 1), fc.nat(255)), { maxLength: 60 }));
  fc.assert(
    fc.property(bytes, ([head, rest]) => {
      const found = readJpegHead(Uint8Array.from([...head, ...rest]));
      expect(found === undefined || found.width * found.height > 0).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
