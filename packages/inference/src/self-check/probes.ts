import { crc32, randomStream } from "@clip-ts/base";
import { preprocessYielding, type Pixels, type Preprocessing } from "@clip-ts/image";
import type { ClipConfig, TokenizedTexts } from "@clip-ts/model";
import type { Tokenizer } from "@clip-ts/tokenizer";

/** Seeds of the pictures that a new check has. */
export const pictureSeeds: readonly number[] = [1, 2];

/**
 * The captions that a new check has: plain words; digits and punctuation; an HTML entity, accents, capitals and a
 * picture, which tokenizers clean and cut each in their own way. The oddest comes first, for short contexts.
 */
export const probeCaptions: readonly string[] = [
  "a photo of a cat",
  "two red kites, 3 boats & the sea",
  "&amp; É don’t 🦊 naïve  BRÛLÉE façades",
];

/** Width and height of a probe picture: no square, so that cropping, squashing and turning all show. */
const [width, height] = [40, 30];
const tile = 5;

/** A number of a byte's range. */
const clamp = (value: number): number => Math.max(0, Math.min(255, Math.round(value)));

/**
 * The probe picture of a seed, RGB, 40 wide and 30 high: tiles of 5 x 5 pixels in random colours, a brightness that
 * rises from left to right, and noise, so that every way to resize it gives other pixels.
 */
export function probePicture(seed: number): Pixels {
  const random = randomStream(seed, "self-check", "picture");
  const columns = width / tile;
  const colours = Array.from({ length: (columns * height) / tile }, () => [0, 1, 2].map(() => random.integer(200)));
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < data.length; at++) {
    const pixel = Math.floor(at / 3);
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const colour = colours[Math.floor(y / tile) * columns + Math.floor(x / tile)]?.[at % 3] ?? 0;
    data[at] = clamp(colour + x + random.integer(32) - 16);
  }
  return { data, width, height, channels: 3 };
}

/** A probe picture as a model sees it, [3, size, size] or its patches, and a checksum of these numbers. */
export interface PreparedPicture {
  readonly planes: Float32Array;
  /** CRC-32 of the planes, 32-bit floats with the lowest byte first. */
  readonly crc32: number;
}

/** Floats as bytes, the lowest first, whatever the machine's order. */
function bytesOf(values: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, at) => view.setFloat32(4 * at, value, true));
  return new Uint8Array(view.buffer);
}

/** The probe picture of a seed under a model's own preprocessing. */
export async function preparePicture(seed: number, config: Preprocessing): Promise<PreparedPicture> {
  const planes = await preprocessYielding(probePicture(seed), config);
  return { planes, crc32: crc32(bytesOf(planes)) };
}

/** Token ids of captions, one row each, all of one length. */
export type IdRows = readonly (readonly number[])[];

/** Rows of a batch. */
function idRows({ inputIds, batch, tokens }: TokenizedTexts): IdRows {
  return Array.from({ length: batch }, (_, row) => [...inputIds.subarray(row * tokens, (row + 1) * tokens)]);
}

/** The batch of rows of one length. */
export function idBatch(rows: IdRows): TokenizedTexts {
  return { inputIds: Int32Array.from(rows.flat()), batch: rows.length, tokens: rows[0]?.length ?? 0 };
}

/** The ids of the probe captions, as wide as `describedClip` makes captions. */
export function encodeCaptions(tokenizer: Tokenizer, texts: readonly string[]): IdRows {
  return idRows(tokenizer.encodeBatch(texts, { multiple: 8 }));
}

/** Ids for a text tower without a tokenizer: random ones, then the end token in the last place. */
export function randomIds({ text }: Pick<ClipConfig, "text">): IdRows {
  const tokens = Math.min(8, text.contextLength);
  return probeCaptions.map((_, row) => {
    const random = randomStream(row, "self-check", "ids");
    const words = Array.from({ length: tokens - 1 }, () => random.integer(text.vocabSize));
    return [...words, text.endTokenId];
  });
}
