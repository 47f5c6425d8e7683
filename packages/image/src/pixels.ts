import { ClipError } from "@clip-ts/base";

/**
 * What the bytes of an image stand for where their number does not tell; Pillow resizes and converts
 * by it.
 * - "indexed": colours of a palette or black and white (Pillow's P and 1). They are never mixed: a
 *   resize in this mode takes the nearest pixel. Alpha, if there is any, is a transparency that the
 *   file names (tRNS, a GIF's index), which Pillow does not take for alpha.
 * - "keyed": grey or colours, the alpha beside them named in the same way.
 * - "cmyk": four channels of ink, 255 for full cover.
 * - "I;16", "I", "F": one channel of 16-bit, of signed 32-bit or of float32 samples, two or four bytes
 *   each, the lowest first.
 */
export type PixelMode = "indexed" | "keyed" | "cmyk" | "I;16" | "I" | "F";

/** An image of bytes: rows from the top, pixels from the left, channels of a pixel side by side. */
export interface Pixels {
  /** Row-major [height, width, channels]. Functions of this package never write to it. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 red-green-blue, 4 with alpha (not premultiplied), or what `mode` says. */
  readonly channels: 1 | 3 | 4;
  /** Left out for plain bytes of grey, colours, or colours and alpha. */
  readonly mode?: PixelMode;
  /** The palette of an "indexed" image [256, 3], where it is known: only what is filled by a number asks for it. */
  readonly palette?: Uint8Array;
}

const channelsOfMode: Readonly<Record<PixelMode, readonly number[]>> = {
  indexed: [1, 3, 4],
  keyed: [4],
  cmyk: [4],
  "I;16": [1],
  I: [1],
  F: [1],
};

/** Samples of the modes that are no bytes. */
export const deepSamples: {
  readonly "I;16": typeof Uint16Array;
  readonly I: typeof Int32Array;
  readonly F: typeof Float32Array;
} = { "I;16": Uint16Array, I: Int32Array, F: Float32Array };

/** Modes of more than eight bits a channel. */
export type DeepMode = keyof typeof deepSamples;

/** Whether samples are wider than a byte. */
export function isDeep(mode: PixelMode | undefined): mode is DeepMode {
  return mode !== undefined && mode in deepSamples;
}

/** Bytes from one pixel to the next. */
export function bytesPerPixel({ channels, mode }: Pick<Pixels, "channels" | "mode">): number {
  return isDeep(mode) ? deepSamples[mode].BYTES_PER_ELEMENT : channels;
}

function checkChannels({ channels, mode }: Pixels): void {
  const known = mode === undefined ? [1, 3, 4] : (channelsOfMode[mode] ?? []);
  if (known.includes(channels)) return;
  const kind = mode === undefined ? "An image" : `An image of mode "${mode}"`;
  const [last, ...others] = known.map(String).toReversed();
  const wanted = [others.toReversed().join(", "), last].filter(Boolean).join(" or ");
  throw new ClipError("bad-shape", `${kind} has ${wanted || "no"} channels, got ${channels}`, {
    data: { channels, mode },
  });
}

/** Throws "bad-shape" unless sizes are positive whole numbers that the data fills exactly. */
export function checkPixels(pixels: Pixels): void {
  const { data, width, height, channels } = pixels;
  checkSize("width", width);
  checkSize("height", height);
  checkChannels(pixels);
  const expected = width * height * bytesPerPixel(pixels);
  if (data.length === expected) return;
  throw new ClipError(
    "bad-shape",
    `An image ${width} wide, ${height} high, with ${channels} channels has ${expected} bytes, ` +
      `got ${data.length}; check the decoder's width, height and channel count`,
    { data: { width, height, channels, expected, actual: data.length } },
  );
}

/** Throws "bad-shape" unless the image is red-green-blue. */
export function checkRgb(pixels: Pixels): void {
  checkPixels(pixels);
  const { channels, mode } = pixels;
  if (channels === 3) return;
  const got = mode === undefined ? String(channels) : `${channels} of mode "${mode}"`;
  throw new ClipError("bad-shape", `Expected 3 channels (red, green, blue), got ${got}; call toRgb first`, {
    data: { channels, mode },
  });
}

/** Throws "bad-shape" unless `value` is a positive whole number. */
export function checkSize(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new ClipError("bad-shape", `${name} must be a positive whole number, got ${value}`, {
    data: { name, value },
  });
}
