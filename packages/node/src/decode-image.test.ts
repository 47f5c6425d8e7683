import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import { clipPreprocess, preprocessToPixels, toRgb, type Pixels } from "@clip-ts/image";
import { describe, expect, test } from "vitest";
import { decodeImage } from "./decode-image.ts";

/** What Pillow makes of a file: sizes, and digests of RGB bytes and of the preprocessed 224 x 224. */
interface Reference {
  readonly mode: string;
  readonly width: number;
  readonly height: number;
  readonly rgb: string;
  readonly crop: string;
  readonly upright?: Omit<Reference, "mode" | "upright">;
}

const fixture = (name: string): Buffer => readFileSync(new URL(`fixtures/images/${name}`, import.meta.url));
const { images } = JSON.parse(fixture("images.json").toString()) as {
  images: Record<string, Reference>;
};
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function digests(pixels: Pixels): Omit<Reference, "mode" | "upright"> {
  const { width, height, data } = toRgb(pixels);
  const crop = preprocessToPixels(pixels, clipPreprocess(224));
  return { width, height, rgb: sha256(data), crop: sha256(crop.data) };
}

describe("decoding and preprocessing equal Pillow byte for byte", () => {
  for (const [name, { mode, upright, ...asStored }] of Object.entries(images)) {
    test(`${name} (${mode})`, async () => {
      expect(digests(await decodeImage(fixture(name), name))).toEqual(asStored);
    });

    if (upright === undefined) continue;
    test(`${name}, turned upright`, async () => {
      const pixels = await decodeImage(fixture(name), name, { honourExif: true });
      expect(digests(pixels)).toEqual(upright);
    });
  }
});

test("the fixtures cover every kind of JPEG and PNG", () => {
  const modes = Object.values(images).map(({ mode }) => mode);
  expect(new Set(modes)).toEqual(new Set(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"]));
});

test("grey stays one channel", async () => {
  for (const name of ["grey.png", "grey.jpg", "1-bit.png"]) {
    const { channels } = await decodeImage(fixture(name), name);
    expect(channels).toBe(1);
  }
});

function pngChunk(kind: string, body: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(kind), body]);
  const chunk = Buffer.alloc(named.length + 8);
  chunk.writeUInt32BE(body.length, 0);
  named.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(named), named.length + 4);
  return chunk;
}

test("of 16-bit grey all above 255 is white, as in Pillow", async () => {
  const header = Buffer.from([0, 0, 0, 3, 0, 0, 0, 1, 16, 0, 0, 0, 0]);
  const row = deflateSync(Uint8Array.of(0, 0x00, 0xfe, 0x01, 0x80, 0xfe, 0x7f));
  const signature = fixture("grey.png").subarray(0, 8);
  const chunks = [pngChunk("IHDR", header), pngChunk("IDAT", row), pngChunk("IEND", Buffer.of())];
  const pixels = await decodeImage(Buffer.concat([signature, ...chunks]), "deep.png");
  expect(toRgb(pixels).data).toEqual(Uint8Array.of(254, 254, 254, 255, 255, 255, 255, 255, 255));
});

describe("a file that cannot be read is an error that names it", () => {
  const [jpeg, png] = [fixture("rgb.jpg"), fixture("rgba.png")];
  const damaged = Buffer.from(png);
  damaged.writeUInt8(damaged.readUInt8(200) ^ 0xff, 200);
  const broken: Record<string, Uint8Array> = {
    "empty.jpg": Buffer.of(),
    "text.jpg": Buffer.from("this is not an image"),
    "head-only.jpg": jpeg.subarray(0, 100),
    "half.jpg": jpeg.subarray(0, jpeg.length / 2),
    "last-rows-missing.jpg": jpeg.subarray(0, -40),
    "half.png": png.subarray(0, png.length / 2),
    "damaged.png": damaged,
  };
  for (const [name, bytes] of Object.entries(broken)) {
    test(name, async () => {
      const decoding = decodeImage(bytes, `photos/${name}`);
      await expect(decoding).rejects.toThrow(`photos/${name} is not a readable image: `);
      await expect(decoding).rejects.toMatchObject({
        code: "bad-data",
        data: { label: `photos/${name}` },
      });
    });
  }

  test("a header that claims 3.6 billion pixels is refused before anything is allocated", async () => {
    const before = process.memoryUsage().rss;
    await expect(decodeImage(fixture("bomb.png"), "bomb.png")).rejects.toThrow(/pixel limit/);
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
  });
});
