import { runThrough, runYielding, type RandomStream, type Yielding } from "@clip-ts/base";
import { drawColorChange, lumaWeights, type ColorChange, type ColorJitterStrengths } from "./color-jitter.ts";
import { colorsOf, type Color } from "./color.ts";
import { pixelSource, type PixelSource } from "./pixel-source.ts";
import { checkPixels, type Pixels } from "./pixels.ts";
import { checkPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { underConfig, type ChannelStatistics } from "./preprocess.ts";
import { drawPlacement, type Placement, type ViewRanges } from "./random-resized-crop.ts";
import { checkWithin } from "./resample-table.ts";

/** Four bytes a pixel, colours times alpha, with a rim of transparent pixels to read beyond the edge. */
export interface Texture {
  readonly data: Uint8Array;
  /** Pixels in a row, rim included. */
  readonly stride: number;
  /** Without the rim. */
  readonly width: number;
  /** Without the rim. */
  readonly height: number;
}

/** Pixels of a row that are made before it may yield. */
const columnsAtATime = 2 ** 17;

/** Columns of a texture, from the first up to the last, left out. */
type Columns = readonly [start: number, end: number];

/** Makes the pixels of a row's columns, from the start of `target`. */
type MakeRow = (row: number, columns: Columns, target: Uint8Array) => void;

/** The image's pixels as a texture holds them; below the image there are transparent ones. */
function rowsOf(source: PixelSource): MakeRow {
  const { channels, first, stride, width, height } = source;
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  return (row, [start, end], target) => {
    const last = Math.min(end, width);
    if (row >= height || last <= start) return void target.fill(0, 0, 4 * (end - start));
    const data = source.read(first + row * stride + start, first + row * stride + last);
    let to = 0;
    for (let from = 0; from < data.length; from += channels) {
      const alpha = channels === 4 ? data[from + 3]! : 255;
      target[to++] = alpha === 255 ? data[from]! : Math.round((data[from]! * alpha) / 255);
      target[to++] = alpha === 255 ? data[from + green]! : Math.round((data[from + green]! * alpha) / 255);
      target[to++] = alpha === 255 ? data[from + blue]! : Math.round((data[from + blue]! * alpha) / 255);
      target[to++] = alpha;
    }
    target.fill(0, to, 4 * (end - start));
  };
}

/** Pixels of a texture, the rim below it and beside it included. */
function rowsOfTexture({ data, stride }: Texture): MakeRow {
  return (row, [start, end], target) => {
    const first = (row + 1) * stride + 1;
    target.set(data.subarray(4 * (first + start), 4 * (first + end)));
  };
}

/** Two rows become one half as long, each pixel the mean of four. */
function halvedRows(rows: MakeRow): MakeRow {
  const upper = new Uint8Array(8 * columnsAtATime);
  const lower = new Uint8Array(8 * columnsAtATime);
  return (row, [start, end], target) => {
    rows(2 * row, [2 * start, 2 * end], upper);
    rows(2 * row + 1, [2 * start, 2 * end], lower);
    for (let to = 0, from = 0; to < 4 * (end - start); to += 4, from += 8) {
      for (let channel = from; channel < from + 4; channel++) {
        const sum = upper[channel]! + upper[channel + 4]! + lower[channel]! + lower[channel + 4]!;
        target[to + channel - from] = (sum + 2) >> 2;
      }
    }
  };
}

function* textureFrom(rows: MakeRow, width: number, height: number): Yielding<Texture> {
  const stride = width + 2;
  const data = new Uint8Array(4 * stride * (height + 2));
  for (let row = 0; row < height; row++) {
    for (let start = 0; start < width; start += columnsAtATime) {
      const end = Math.min(start + columnsAtATime, width);
      rows(row, [start, end], data.subarray(4 * ((row + 1) * stride + 1 + start)));
      yield;
    }
  }
  return { data, stride, width, height };
}

/** Textures of images in use, by halvings: training sees them many times. */
const kept = new WeakMap<Uint8Array, Map<string, Texture>>();

function* makeTexture(pixels: Pixels, halvings: number): Yielding<Texture> {
  if (halvings === 0) {
    const rows = rowsOf(pixelSource(pixels, mapOf(pixels)));
    return yield* textureFrom(rows, pixels.width, pixels.height);
  }
  const [width, height] = [pixels.width, pixels.height].map((side) => Math.ceil(side / 2 ** halvings));
  // The whole image is four times as large as its half: it is not kept for the half's sake.
  const rows =
    halvings === 1 ? rowsOf(pixelSource(pixels, mapOf(pixels))) : rowsOfTexture(yield* textureOf(pixels, halvings - 1));
  return yield* textureFrom(halvedRows(rows), width!, height!);
}

/** Inks and deep samples become colours; alpha stays, unless the image's file only names it. */
function mapOf(pixels: Pixels): ReturnType<typeof colorsOf> {
  return pixels.channels === 4 && pixels.mode === undefined ? undefined : colorsOf(pixels);
}

/**
 * The image halved so many times (Williams 1983, "Pyramidal parametrics"): what a view that shrinks it
 * reads, so that it is no sieve of pixels. An odd last row or column meets the rim. Kept as long as the
 * image's bytes are.
 */
function* textureOf(pixels: Pixels, halvings: number): Yielding<Texture> {
  const textures = kept.get(pixels.data) ?? new Map<string, Texture>();
  kept.set(pixels.data, textures);
  const key = `${pixels.mode ?? ""} ${pixels.width} ${pixels.channels} ${halvings}`;
  const known = textures.get(key);
  if (known !== undefined) return known;
  const made = yield* makeTexture(pixels, halvings);
  textures.set(key, made);
  return made;
}

/** How often the image is halved before it is read: until neighbouring places read neighbouring pixels. */
function halvingsFor([xx, xy, , yx, yy]: Placement, size: number): number {
  const step = Math.sqrt(Math.abs(xx * yy - xy * yx)) / size; // pixels from place to place
  return Math.max(0, Math.round(Math.log2(step)));
}

/** What lies between four pixels of a texture: bilinear, one channel. */
function between(
  { data, stride }: Texture,
  byte: number,
  { right, low }: { readonly right: number; readonly low: number },
): number {
  const below = byte + 4 * stride;
  const upper = data[byte]! + right * (data[byte + 4]! - data[byte]!);
  const lower = data[below]! + right * (data[below + 4]! - data[below]!);
  return upper + low * (lower - upper);
}

/**
 * The image as seen through a placement, laid over a background that also shows where the image has
 * ended: [3, size, size] from 0 to 255. Bilinear, colours weighted by alpha.
 */
function* sampleView(
  pixels: Pixels,
  placement: Placement,
  { size, background }: { readonly size: number; readonly background: Color },
): Yielding<Float32Array> {
  const halvings = halvingsFor(placement, size);
  const texture = yield* textureOf(pixels, halvings);
  const [xx, xy, x0, yx, yy, y0] = placement.map((value) => value / 2 ** halvings) as unknown as Placement;
  const [red, green, blue] = background;
  const count = size * size;
  const planes = new Float32Array(3 * count);
  const offset = { right: 0, low: 0 };
  for (let row = 0, index = 0; row < size; row++) {
    for (let column = 0; column < size; column++, index++) {
      const u = (column + 0.5) / size;
      const v = (row + 0.5) / size;
      const x = xx * u + xy * v + x0 - 0.5;
      const y = yx * u + yy * v + y0 - 0.5;
      const isInside = x > -1 && y > -1 && x < texture.width && y < texture.height;
      if (!isInside) {
        planes[index] = red;
        planes[count + index] = green;
        planes[2 * count + index] = blue;
        continue;
      }
      const left = Math.floor(x);
      const top = Math.floor(y);
      offset.right = x - left;
      offset.low = y - top;
      const byte = 4 * ((top + 1) * texture.stride + left + 1);
      const bare = 1 - between(texture, byte + 3, offset) / 255;
      planes[index] = between(texture, byte, offset) + red * bare;
      planes[count + index] = between(texture, byte + 1, offset) + green * bare;
      planes[2 * count + index] = between(texture, byte + 2, offset) + blue * bare;
    }
  }
  return planes;
}

/** What `randomView` changes at random. */
export interface RandomViewConfig extends ViewRanges {
  /** Default: colours stay. */
  readonly colorJitter?: ColorJitterStrengths;
  /** Chance of an image without colours. Default 0. */
  readonly grayscaleProbability?: number;
  /** Chance that a random colour takes the background's place. Default 0. */
  readonly backgroundProbability?: number;
}

/** The colour behind an image: the config's, or the mean that normalising makes 0. */
function plainBackground({ alpha, mean }: PreprocessConfig): Color {
  return alpha === "drop" ? [mean[0] * 255, mean[1] * 255, mean[2] * 255] : alpha;
}

/** Takes four numbers off the stream, whatever the chance. */
function drawBackground(plain: Color, probability: number, random: RandomStream): Color {
  checkWithin("backgroundProbability", probability, [0, 1]);
  const isRandom = random.uniform() < probability;
  const drawn = [random.uniform() * 255, random.uniform() * 255, random.uniform() * 255] as const;
  return isRandom ? drawn : plain;
}

/** Mean luma of planes [3, …]. */
function meanLuma(planes: Float32Array): number {
  const count = planes.length / 3;
  return lumaWeights.reduce((luma, weight, channel) => {
    const plane = planes.subarray(channel * count, (channel + 1) * count);
    return luma + (weight * plane.reduce((sum, value) => sum + value, 0)) / count;
  }, 0);
}

/** Changes colours, cuts them to 0 … 255 and normalises them, in place. */
function finish(planes: Float32Array, { matrix, contrast }: ColorChange, { mean, std }: ChannelStatistics): void {
  const count = planes.length / 3;
  const shift = (1 - contrast) * meanLuma(planes);
  for (let place = 0; place < count; place++) {
    const red = planes[place]! * contrast + shift;
    const green = planes[count + place]! * contrast + shift;
    const blue = planes[2 * count + place]! * contrast + shift;
    for (let channel = 0; channel < 3; channel++) {
      const row = 3 * channel;
      const mixed = matrix[row]! * red + matrix[row + 1]! * green + matrix[row + 2]! * blue;
      const cut = Math.min(Math.max(mixed, 0), 255);
      planes[channel * count + place] = (cut / 255 - mean[channel]!) / std[channel]!;
    }
  }
}

/**
 * An image as a model sees it in training, in one pass from its pixels: cropped, turned, moved and
 * mirrored by one affine map, over its background or another, its colours changed by one matrix, then
 * normalised: [3, size, size]. Several times faster than `augment`, whose numbers are torchvision's
 * to the byte; these are not. The same stream gives the same image. The caller owns the result.
 */
export function randomView(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  view: RandomViewConfig,
  random: RandomStream,
): Float32Array {
  return runThrough(viewing(pixels, preprocessConfig, view, random));
}

/** `randomView` that yields to the event loop every 40 ms. */
export function randomViewYielding(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  view: RandomViewConfig,
  random: RandomStream,
): Promise<Float32Array> {
  return runYielding(viewing(pixels, preprocessConfig, view, random));
}

function* viewing(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  view: RandomViewConfig,
  random: RandomStream,
): Yielding<Float32Array> {
  checkPixels(pixels);
  const { size } = checkPreprocess(preprocessConfig);
  const { colorJitter = {}, grayscaleProbability = 0, backgroundProbability = 0 } = view;
  checkWithin("grayscaleProbability", grayscaleProbability, [0, 1]);
  const placement = drawPlacement(pixels, view, random);
  const plain = plainBackground(preprocessConfig);
  const background = drawBackground(plain, backgroundProbability, random);
  const isGrey = random.uniform() < grayscaleProbability;
  const change = drawColorChange(colorJitter, isGrey, random);
  const image = underConfig(pixels, preprocessConfig);
  const planes = yield* sampleView(image, placement, { size, background });
  finish(planes, change, preprocessConfig);
  return planes;
}
