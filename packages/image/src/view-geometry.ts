import type { RandomStream } from "@clip-ts/base";
import type { Pixels } from "./pixels.ts";
import { checkRange, checkWithin, drawFrom, type Range } from "./ranges.ts";

/** Which part of an image a view may show. */
export interface ViewRanges {
  /** Part of the image's area that is shown. Default [0.9, 1]. */
  readonly scale?: Range;
  /** Width by height of the part that is shown, its logarithm evenly drawn. Default [3/4, 4/3]. */
  readonly ratio?: Range;
  /** Most degrees that the image is turned, either way. Default 0. */
  readonly rotation?: number;
  /** Most that the part leaves the image, as a share of the part's side. Default 0. */
  readonly translation?: number;
  /** Chance of a mirrored image. Default 0: captions know left from right. */
  readonly flipProbability?: number;
}

/**
 * Where the places of a view lie in its image: (x, y) in 0 … 1 → [0]·x + [1]·y + [2] across and
 * [3]·x + [4]·y + [5] down, in pixels of the image.
 */
export type Placement = readonly [number, number, number, number, number, number];

/** Middle of a part so long along an axis of the image, up to `beyond` parts outside of it. */
function drawMiddle(length: number, part: number, beyond: number, random: RandomStream): number {
  const reach = Math.max(0, length - part) / 2 + beyond * part;
  return length / 2 + drawFrom([-reach, reach], random);
}

/** Draws what a view shows. Takes six numbers off the stream, whatever the ranges. */
export function drawPlacement(
  { width, height }: Pixels,
  ranges: ViewRanges,
  random: RandomStream,
): Placement {
  const { scale = [0.9, 1], ratio = [3 / 4, 4 / 3], rotation = 0, translation = 0 } = ranges;
  const { flipProbability = 0 } = ranges;
  checkRange("scale", scale, [Number.MIN_VALUE, Number.MAX_VALUE]);
  checkRange("ratio", ratio, [Number.MIN_VALUE, Number.MAX_VALUE]);
  checkWithin("rotation", rotation, [0, 180]);
  checkWithin("translation", translation, [0, 1]);
  checkWithin("flipProbability", flipProbability, [0, 1]);
  const area = width * height * drawFrom(scale, random);
  const aspect = Math.exp(drawFrom([Math.log(ratio[0]), Math.log(ratio[1])], random));
  const across = Math.sqrt(area * aspect);
  const down = Math.sqrt(area / aspect);
  const middleX = drawMiddle(width, across, translation, random);
  const middleY = drawMiddle(height, down, translation, random);
  const angle = (drawFrom([-rotation, rotation], random) * Math.PI) / 180;
  const mirror = random.uniform() < flipProbability ? -1 : 1;
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const xx = across * cosine * mirror;
  const xy = -down * sine;
  const yx = across * sine * mirror;
  const yy = down * cosine;
  return [xx, xy, middleX - (xx + xy) / 2, yx, yy, middleY - (yx + yy) / 2];
}
