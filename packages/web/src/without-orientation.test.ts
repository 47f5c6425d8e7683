import { expect, test } from "vitest";
import { findExif, withoutOrientation } from "./without-orientation.ts";

const exif = [0xff, 0xe1, 0, 6, 0x45, 0x78, 0x69, 0x66];
const jfif = [0xff, 0xe0, 0, 4, 0x4a, 0x46];
const scan = [0xff, 0xda, 0, 2, ...exif, 0xff, 0xd9];
const jpeg = (...segments: number[][]): Uint8Array => Uint8Array.of(0xff, 0xd8, ...segments.flat());

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const chunk = (type: string, length: number): number[] => [
  0,
  0,
  0,
  length,
  ...new TextEncoder().encode(type),
  ...Array.from({ length: length + 4 }, (_, index) => index),
];
const png = (...chunks: number[][]): Uint8Array => Uint8Array.of(...pngSignature, ...chunks.flat());

const stripped = async (bytes: Uint8Array): Promise<Uint8Array> => {
  const file = new Blob([Uint8Array.from(bytes)], { type: "image/test" });
  return new Uint8Array(await (await withoutOrientation(file)).arrayBuffer());
};

test("EXIF data leave a JPEG, the rest stays", async () => {
  expect(await stripped(jpeg(jfif, exif, scan))).toEqual(jpeg(jfif, scan));
});

test("bytes of the scan that look like EXIF data stay", async () => {
  const plain = jpeg(jfif, scan);
  expect(await stripped(plain)).toEqual(plain);
});

test("EXIF data leave a PNG, the rest stays", async () => {
  const [header, data] = [chunk("IHDR", 13), chunk("IDAT", 9)];
  expect(await stripped(png(header, chunk("eXIf", 7), data))).toEqual(png(header, data));
  expect(await stripped(png(header, data))).toEqual(png(header, data));
});

test("other files, short files and cut files are left alone", () => {
  const files = [
    Uint8Array.of(),
    Uint8Array.of(0xff, 0xd8),
    jpeg(jfif.slice(0, 3), []),
    jpeg(jfif, [0xff, 0xe2, 0xff]),
    png([0, 0, 0]),
    new TextEncoder().encode("GIF89a and so on"),
  ];
  for (const file of files) expect(findExif(file)).toBeUndefined();
});

test("the kind of file is kept", async () => {
  const file = new Blob([Uint8Array.from(jpeg(exif, scan))], { type: "image/jpeg" });
  expect((await withoutOrientation(file)).type).toBe("image/jpeg");
});
