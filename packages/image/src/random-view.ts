import { runThrough, runYielding, sidesOf, type RandomStream, type Sides, type Yielding } from "@clip-ts/base";
import { drawColorChange, lumaWeights, type ColorChange, type ColorJitterStrengths } from "./color-jitter.ts";
import type { Color } from "./color.ts";
import { checkPixels, type Pixels } from "./pixels.ts";
import { checkPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { checkPlanes, type ChannelStatistics } from "./planes.ts";
import { underConfig } from "./preprocess.ts";
import { textureOf, type Texture } from "./texture.ts";
import { drawPlacement, type Placement, type ViewRanges } from "./random-resized-crop.ts";
import { checkWithin } from "./resample-table.ts";

/** How often the image is halved before it is read: until neighbouring places read neighbouring pixels. */
function halvingsFor([xx, xy, , yx, yy]: Placement, { height, width }: Sides): number {
  const step = Math.sqrt(Math.abs(xx * yy - xy * yx)) / Math.sqrt(height * width); // pixels from place to place
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
 * ended: [3, height, width] from 0 to 255. Bilinear, colours weighted by alpha.
 */
function* sampleView(
  pixels: Pixels,
  placement: Placement,
  { size, background }: { readonly size: Sides; readonly background: Color },
): Yielding<Float32Array> {
  const halvings = halvingsFor(placement, size);
  const texture = yield* textureOf(pixels, halvings);
  const [xx, xy, x0, yx, yy, y0] = placement.map((value) => value / 2 ** halvings) as unknown as Placement;
  const [red, green, blue] = background;
  const { height, width } = size;
  const count = height * width;
  const planes = new Float32Array(3 * count);
  const offset = { right: 0, low: 0 };
  for (let row = 0, index = 0; row < height; row++) {
    for (let column = 0; column < width; column++, index++) {
      const u = (column + 0.5) / width;
      const v = (row + 0.5) / height;
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
    let sum = 0;
    for (let place = channel * count; place < (channel + 1) * count; place++) sum += planes[place]!;
    return luma + (weight * sum) / count;
  }, 0);
}

/**
 * Changes colours, cuts them to 0 … 255 and writes them to `target`, which may be the planes: normalised
 * if there are statistics, else as they are.
 */
function finish(
  planes: Float32Array,
  { matrix, contrast }: ColorChange,
  target: Float32Array | Uint8ClampedArray,
  statistics?: ChannelStatistics,
): void {
  const count = planes.length / 3;
  const shift = contrast === 1 ? 0 : (1 - contrast) * meanLuma(planes);
  for (let place = 0; place < count; place++) {
    const red = planes[place]! * contrast + shift;
    const green = planes[count + place]! * contrast + shift;
    const blue = planes[2 * count + place]! * contrast + shift;
    for (let channel = 0; channel < 3; channel++) {
      const row = 3 * channel;
      const mixed = matrix[row]! * red + matrix[row + 1]! * green + matrix[row + 2]! * blue;
      const cut = Math.min(Math.max(mixed, 0), 255);
      target[channel * count + place] =
        statistics === undefined ? cut : (cut / 255 - statistics.mean[channel]!) / statistics.std[channel]!;
    }
  }
}

/**
 * An image as a model sees it in training, in one pass from its pixels: cropped, turned, moved and
 * mirrored by one affine map, over its background or another, its colours changed by one matrix, then
 * normalised: [3, height, width]. Several times faster than `augment`, whose numbers are torchvision's
 * to the byte; these are not. The same stream gives the same image. The caller owns the result.
 */
export function randomView(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  view: RandomViewConfig,
  random: RandomStream,
): Float32Array {
  return normalized(runThrough(viewing(pixels, preprocessConfig, view, random)), preprocessConfig);
}

/** `randomView` that yields to the event loop every 40 ms. */
export async function randomViewYielding(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  view: RandomViewConfig,
  random: RandomStream,
): Promise<Float32Array> {
  return normalized(await runYielding(viewing(pixels, preprocessConfig, view, random)), preprocessConfig);
}

/** What `viewBytes` does with an image. */
export interface Viewing {
  readonly preprocess: PreprocessConfig;
  readonly view: RandomViewConfig;
}

/**
 * `randomView` before normalising, for batches of bytes: red, green and blue planes [3, height, width] are
 * written to `target`, each value as the nearest byte, halves as the even one. Throws "bad-shape" if the
 * target has another size.
 */
export function viewBytes(
  pixels: Pixels,
  { preprocess, view }: Viewing,
  random: RandomStream,
  target: Uint8ClampedArray,
): void {
  checkPlanes(target, sidesOf(preprocess.size));
  const { planes, change } = runThrough(viewing(pixels, preprocess, view, random));
  finish(planes, change, target);
}

/** What a view shows, 0 … 255, and what becomes of its colours. */
interface Viewed {
  readonly planes: Float32Array;
  readonly change: ColorChange;
}

function normalized({ planes, change }: Viewed, statistics: ChannelStatistics): Float32Array {
  finish(planes, change, planes, statistics);
  return planes;
}

function* viewing(
  pixels: Pixels,
  preprocessConfig: PreprocessConfig,
  view: RandomViewConfig,
  random: RandomStream,
): Yielding<Viewed> {
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
  const planes = yield* sampleView(image, placement, { size: sidesOf(size), background });
  return { planes, change };
}
