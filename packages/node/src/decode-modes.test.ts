import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  clipPreprocess,
  crop,
  preprocessYielding,
  preprocess,
  preprocessToPixels,
  type PreprocessConfig,
  resize,
  toRgb,
  type Pixels,
  torchvisionPreprocess,
} from "@clip-ts/image";
import { describe, expect, test } from "vitest";
import { decodeImage } from "./decode-image.ts";

type Order = "before" | "after";

/** Digests of what Pillow and open_clip make of a file; see tools/peers/make_image_fixtures.py. */
interface Reference {
  readonly name: string;
  readonly mode: string;
  readonly width: number;
  readonly height: number;
  readonly rgb: string;
  readonly before: Readonly<Record<string, string>>;
  readonly after: Readonly<Record<string, string>>;
  /** The first four digits of each way of `fits`. */
  readonly fits: string;
  readonly box: readonly [number, number, number, number];
  readonly trained: Readonly<Record<Order, string>>;
  readonly file: string;
}

/** What Pillow makes of a damaged file: its pixels, or why it refuses it. */
type Judged = Pick<Reference, "name" | "file"> & (Pick<Reference, "rgb"> | { readonly refused: string });

/** A way to make pictures fit that only one of both has; see tools/peers/picture_fits.py. */
interface Fit {
  readonly name: string;
  readonly order: Order;
  readonly config: Partial<PreprocessConfig>;
}

const { images, damaged, size, fits } = JSON.parse(
  readFileSync(new URL("fixtures/images-by-mode.json", import.meta.url), "utf8"),
) as { images: Reference[]; damaged: Judged[]; size: number; fits: Fit[] };

const digest = ({ data }: Pixels): string => createHash("sha256").update(data).digest("hex").slice(0, 16);
const ways = {
  shortest: {},
  squash: { resize: "squash" },
  bilinear: { interpolation: "bilinear" },
};
const orders = ["before", "after"] as const;
const decode = ({ file, name }: Pick<Reference, "file" | "name">): Promise<Pixels> =>
  decodeImage(Buffer.from(file, "base64"), name);

function prepared(pixels: Pixels, order: Order): Record<string, string> {
  const config = {
    ...torchvisionPreprocess(clipPreprocess(size)),
    convertRgb: `${order}-resize`,
  } as const;
  return Object.fromEntries(
    Object.entries(ways).map(([way, change]) => {
      return [way, digest(preprocessToPixels(pixels, { ...config, ...change } as typeof config))];
    }),
  );
}

/** The ways that differ from the reference, by name; none where Pillow refuses to make a picture of no pixels. */
function misfits(pixels: Pixels, reference: Reference): string[] {
  const usual = clipPreprocess(size);
  return fits.flatMap(({ name, order, config }, at) => {
    const digits = reference.fits.slice(4 * at, 4 * at + 4);
    const base = order === "after" ? torchvisionPreprocess(usual) : usual;
    const made = digest(preprocessToPixels(pixels, { ...base, ...config })).slice(0, 4);
    return digits === made || digits === "----" ? [] : [name];
  });
}

/** The part of an image that training drew, at the model's size: in the image's own mode, or not. */
function trained(pixels: Pixels, { box }: Reference, order: Order): string {
  const source = order === "before" || pixels.mode === "keyed" ? toRgb(pixels) : pixels;
  const [left, top, width, height] = box;
  const part = crop(source, { left, top, width, height });
  return digest(toRgb(resize(part, { width: size, height: size, interpolation: "bicubic" })));
}

describe("files of every mode give Pillow's and open_clip's bytes, in both orders of steps", () => {
  for (const [index, image] of images.entries()) {
    test(`${index} ${image.name} (${image.mode})`, async () => {
      const pixels = await decode(image);
      const rgb = toRgb(pixels);
      expect({ width: rgb.width, height: rgb.height, rgb: digest(rgb) }).toEqual({
        width: image.width,
        height: image.height,
        rgb: image.rgb,
      });
      for (const order of orders) {
        expect(prepared(pixels, order)).toEqual(image[order]);
        expect(trained(pixels, image, order)).toBe(image.trained[order]);
      }
      expect(misfits(pixels, image)).toEqual([]);
    });
  }

  test("the files are of all modes and formats", () => {
    const modes = new Set(images.map(({ mode }) => mode));
    expect(modes).toEqual(new Set(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"]));
    const formats = new Set(images.map(({ name }) => name.split("-")[0]));
    expect(formats).toEqual(new Set(["png", "gif", "webp", "apng.png", "jpeg", "tiff", "bmp", "ppm"]));
  });
});

test("yielding or at once, the numbers are the same", async () => {
  for (const image of images.slice(0, 26)) {
    const pixels = await decode(image);
    const config = {
      ...torchvisionPreprocess(clipPreprocess(size)),
      convertRgb: "after-resize",
    } as const;
    expect(await preprocessYielding(pixels, config)).toEqual(preprocess(pixels, config));
  }
});

describe("damaged files are read or refused as Pillow does", () => {
  for (const [index, image] of damaged.entries()) {
    test(`${index} ${image.name}`, async () => {
      if ("refused" in image) {
        await expect(decode(image)).rejects.toMatchObject({ code: "bad-data" });
      } else {
        expect(digest(toRgb(await decode(image)))).toBe(image.rgb);
      }
    });
  }
});

test("a background is laid behind a transparency that a file names, which is no alpha without it", async () => {
  const named = images.filter(({ name }) => name.includes("trns") || name.includes("transparent"));
  const kinds = new Set<string | undefined>();
  for (const image of named) {
    const pixels = await decode(image);
    kinds.add(pixels.mode);
    if (pixels.channels !== 4) continue;
    const { data } = preprocessToPixels(
      { ...pixels, data: pixels.data.map((byte, index) => (index % 4 === 3 ? 0 : byte)) },
      {
        ...torchvisionPreprocess(clipPreprocess(size)),
        convertRgb: "after-resize",
        alpha: [1, 2, 3],
      },
    );
    expect(Array.from(data.slice(0, 3))).toEqual([1, 2, 3]);
  }
  expect(kinds).toEqual(new Set(["indexed", "keyed"]));
});
