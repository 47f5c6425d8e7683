import { ClipError, sidesOf, type ImageSize } from "@clip-ts/base";
import { areaOf } from "./fit.ts";
import { checkRgb, type Pixels } from "./pixels.ts";
import { normalizedBytes, normalizePlanes } from "./planes.ts";
import {
  isPatches,
  type InputForm,
  type PatchesConfig,
  type PreprocessConfig,
  type Preprocessing,
} from "./preprocess-config.ts";

/** A preprocessing to planes. @throws ClipError "unsupported" for one to patches, which `who` cannot do. */
export function planesOnly(config: Preprocessing, who: string): PreprocessConfig {
  if (!isPatches(config)) return config;
  throw new ClipError(
    "unsupported",
    `${who} is for models whose images are of one size; this one's keep their shape, as rows of patches (NaFlex).`,
  );
}

/** Bytes of a patch. */
const patchLength = ({ patchSize }: PatchesConfig): number => 3 * patchSize ** 2;

/** Numbers behind those of a patch: its row and column, then rows and columns of its image. */
const placeLength = 4;

/** Bytes behind those of an image's patches: its rows and its columns of patches, two bytes each, the lower first. */
const gridLength = 4;

/** Numbers of one row of an input: a patch and its place; of planes, all of them. */
const rowLength = (config: InputForm): number =>
  isPatches(config) ? patchLength(config) + placeLength : 3 * areaOf(config.size);

/** Shape of a batch's largest input: [rows, 3, height, width], or [rows, maxPatches, patch and its place]. */
export function inputShape(config: InputForm, rows: number): readonly number[] {
  if (isPatches(config)) return [rows, config.maxPatches, rowLength(config)];
  const { height, width } = sidesOf(config.size);
  return [rows, 3, height, width];
}

/** Numbers of the largest input that an image becomes. */
export function inputLength(config: InputForm): number {
  return isPatches(config) ? config.maxPatches * rowLength(config) : rowLength(config);
}

/** Bytes of every image before normalising, as `preprocessBytes` writes it. */
export function inputBytes(config: InputForm): number {
  return isPatches(config) ? config.maxPatches * patchLength(config) + gridLength : rowLength(config);
}

/** The smallest square of as many whole patches, by its area; where every square has more or fewer, a rectangle of them. */
function sizeOfPatches({ patchSize, maxPatches }: PatchesConfig): ImageSize {
  const side = Math.ceil(patchSize * Math.sqrt(maxPatches));
  if (Math.floor((side / patchSize) ** 2) === maxPatches) return side;
  let rows = Math.floor(Math.sqrt(maxPatches));
  while (maxPatches % rows !== 0) rows--;
  return [patchSize * rows, (patchSize * maxPatches) / rows];
}

/**
 * Size of the image that fills an input, of patches one whose area is theirs: by what it is compared and told.
 * `preprocessAtSize` makes as many patches of it.
 */
export function inputSize(config: InputForm): ImageSize {
  return isPatches(config) ? sizeOfPatches(config) : config.size;
}

/** Where the search for a scale starts and ends. */
const [least, most, step] = [1e-6, 100, 1e-5];

/**
 * Size to which an image is resized: the largest scale at which both sides, rounded up to whole patches, have no more
 * than `maxPatches` of them. The search is that of transformers' `get_image_size_for_max_num_patches`, step for step.
 */
export function patchedSize(
  { width, height }: { readonly width: number; readonly height: number },
  { patchSize, maxPatches }: Pick<PatchesConfig, "patchSize" | "maxPatches">,
): { width: number; height: number } {
  const along = (side: number, scale: number): number => Math.max(1, Math.ceil((side * scale) / patchSize));
  let [low, high] = [least, most];
  while (high - low >= step) {
    const scale = (low + high) / 2;
    if (along(height, scale) * along(width, scale) <= maxPatches) low = scale;
    else high = scale;
  }
  return { width: along(width, low) * patchSize, height: along(height, low) * patchSize };
}

/**
 * Writes an image whose sides are whole patches, each patch's pixels row by row and their colours side by side,
 * [maxPatches, patchSize, patchSize, 3], the rest zeros, and behind them its rows and columns. Throws "bad-shape"
 * unless the target has `inputBytes`.
 */
export function writePatches(pixels: Pixels, config: PatchesConfig, target: Uint8ClampedArray): void {
  checkRgb(pixels);
  const { patchSize } = config;
  const [rows, columns] = [pixels.height / patchSize, pixels.width / patchSize];
  const expected = inputBytes(config);
  if (target.length !== expected || !Number.isInteger(rows * columns) || rows * columns > config.maxPatches) {
    throw new ClipError(
      "bad-shape",
      `An image of ${pixels.width} x ${pixels.height} should be up to ${config.maxPatches} whole patches of ` +
        `${patchSize}, in ${expected} bytes; got ${target.length}`,
      { data: { width: pixels.width, height: pixels.height, expected, actual: target.length } },
    );
  }
  const line = 3 * patchSize;
  for (let patch = 0, at = 0; patch < rows * columns; patch++) {
    const top = Math.floor(patch / columns) * patchSize;
    const left = (patch % columns) * line;
    for (let y = top; y < top + patchSize; y++, at += line) {
      const start = 3 * pixels.width * y + left;
      target.set(pixels.data.subarray(start, start + line), at);
    }
  }
  target.fill(0, rows * columns * patchLength(config), expected - gridLength);
  target.set([rows & 255, rows >> 8, columns & 255, columns >> 8], expected - gridLength);
}

/** Rows and columns of patches of an image in bytes. */
function gridOf(bytes: Uint8ClampedArray): { rows: number; columns: number } {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(bytes.length - gridLength);
  return { rows: a + 256 * b, columns: c + 256 * d };
}

/**
 * One image's bytes as its patches are read: [patches, patch and its place], (byte / 255 - mean) / std with each step
 * rounded to float32. The caller owns the result.
 */
function normalizePatches(bytes: Uint8ClampedArray, config: PatchesConfig): Float32Array {
  const { rows, columns } = gridOf(bytes);
  const values = normalizedBytes(config);
  const length = patchLength(config);
  const result = new Float32Array(rows * columns * rowLength(config));
  for (let patch = 0, at = 0; patch < rows * columns; patch++) {
    for (let byte = 0; byte < length; byte++, at++) {
      result[at] = values[256 * (byte % 3) + bytes[patch * length + byte]!]!;
    }
    result.set([Math.floor(patch / columns), patch % columns, rows, columns], at);
    at += placeLength;
  }
  return result;
}

/**
 * One image's bytes, as `preprocessBytes` writes them, as the model's input: planes [3, height, width], or an image's own
 * patches with their places. The caller owns the result.
 */
export function normalizeInput(bytes: Uint8ClampedArray, config: Preprocessing): Float32Array {
  return isPatches(config) ? normalizePatches(bytes, config) : normalizePlanes(bytes, areaOf(config.size), config);
}

/** Inputs of one preprocessing as a batch: those of patches are filled up with zeros to the longest, or to `least` numbers. */
export function joinInputs(inputs: readonly Float32Array[], least = 0): Float32Array {
  const length = Math.max(least, ...inputs.map((input) => input.length));
  const joined = new Float32Array(inputs.length * length);
  inputs.forEach((input, row) => joined.set(input, row * length));
  return joined;
}
