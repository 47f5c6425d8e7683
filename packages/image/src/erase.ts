import { ClipError, type RandomStream, type Sides } from "@clip-ts/base";
import { roundHalfEven } from "./crop.ts";
import type { Rectangle } from "./pixel-source.ts";
import { checkPlanes, type ChannelStatistics } from "./planes.ts";
import { checkWithin, drawFrom } from "./resample-table.ts";

/** Random erasing (Zhong et al. 2017, arXiv:1708.04896), as timm does it. */
export interface ErasingConfig {
  /** Chance of an image with erased parts. */
  readonly probability: number;
  /**
   * What stands in the place of a part: normal noise in each pixel ("pixel", the default), one colour of it ("rand"),
   * or zeros, which are the mean ("const"); of normalised values.
   */
  readonly mode?: "pixel" | "rand" | "const";
  /** Most parts of an image, whose number is drawn; together they are as large as one. Default 1. */
  readonly count?: number;
}

/** Share of the image that is erased, and the logarithm of height by width. */
const [areas, aspects] = [[0.02, 1 / 3] as const, [Math.log(0.3), Math.log(1 / 0.3)] as const];

function checkErasing({ probability, mode = "pixel", count = 1 }: ErasingConfig): void {
  checkWithin("erasing.probability", probability, [0, 1]);
  if (!["pixel", "rand", "const"].includes(mode)) {
    throw new ClipError("bad-config", `erasing.mode must be pixel, rand or const, got ${JSON.stringify(mode)}`);
  }
  if (Number.isSafeInteger(count) && count > 0) return;
  throw new ClipError("bad-config", `erasing.count must be a positive whole number, got ${count}`);
}

/** A part of one `count`-th of the area that is drawn; none if ten tries fit nowhere. */
function drawPart({ height, width }: Sides, count: number, random: RandomStream): Rectangle | undefined {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = (drawFrom(areas, random) * height * width) / count;
    const aspect = Math.exp(drawFrom(aspects, random));
    const [high, wide] = [roundHalfEven(Math.sqrt(area * aspect)), roundHalfEven(Math.sqrt(area / aspect))];
    if (wide >= width || high >= height) continue;
    const top = random.integer(height - high + 1);
    return { left: random.integer(width - wide + 1), top, width: wide, height: high };
  }
  return undefined;
}

/** Gives `put` the places of a part, one channel after the other, and what stands there. */
function putPart(
  { left, top, width, height }: Rectangle,
  { mode = "pixel" }: ErasingConfig,
  random: RandomStream,
  put: (channel: number, row: number, column: number, value: number) => void,
): void {
  for (let channel = 0; channel < 3; channel++) {
    const plain = mode === "rand" ? random.normal() : 0;
    for (let place = 0; place < width * height; place++) {
      const value = mode === "pixel" ? random.normal() : plain;
      put(channel, top + Math.floor(place / width), left + (place % width), value);
    }
  }
}

/** Draws parts of an image, and gives `put` each of their places in planes. */
function drawErased(
  sides: Sides,
  config: ErasingConfig,
  random: RandomStream,
  put: (place: number, value: number, channel: number) => void,
): void {
  const { probability, count: most = 1 } = config;
  if (random.uniform() >= probability) return;
  const count = most === 1 ? 1 : 1 + random.integer(most);
  for (let number = 0; number < count; number++) {
    const part = drawPart(sides, count, random);
    if (part === undefined) continue;
    putPart(part, config, random, (channel, row, column, value) => {
      put((channel * sides.height + row) * sides.width + column, value, channel);
    });
  }
}

/** Erases parts of normalised planes [3, height, width], in place. Throws "bad-config" for settings out of range. */
export function eraseParts(planes: Float32Array, sides: Sides, config: ErasingConfig, random: RandomStream): void {
  checkErasing(config);
  checkPlanes(planes, sides);
  drawErased(sides, config, random, (place, value) => {
    planes[place] = value;
  });
}

/**
 * The same parts of planes of bytes before normalising: the nearest byte to each value, black and white for those
 * beyond, which bytes have no place for.
 */
export function eraseByteParts(
  planes: Uint8ClampedArray,
  { height, width, mean, std }: Sides & ChannelStatistics,
  config: ErasingConfig,
  random: RandomStream,
): void {
  checkErasing(config);
  checkPlanes(planes, { height, width });
  drawErased({ height, width }, config, random, (place, value, channel) => {
    planes[place] = (value * std[channel]! + mean[channel]!) * 255;
  });
}
