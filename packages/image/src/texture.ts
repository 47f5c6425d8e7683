import type { Pixels } from "./pixels.ts";

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

function emptyTexture(width: number, height: number): Texture {
  const stride = width + 2;
  return { data: new Uint8Array(4 * stride * (height + 2)), stride, width, height };
}

/** First byte of a pixel. */
function place({ stride }: Texture, column: number, row: number): number {
  return 4 * ((row + 1) * stride + column + 1);
}

function wholeTexture({ data, width, height, channels }: Pixels): Texture {
  const texture = emptyTexture(width, height);
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  for (let pixel = 0; pixel < width * height; pixel++) {
    const from = pixel * channels;
    const to = place(texture, pixel % width, Math.trunc(pixel / width));
    const alpha = channels === 4 ? data[from + 3]! : 255;
    texture.data[to] = Math.round((data[from]! * alpha) / 255);
    texture.data[to + 1] = Math.round((data[from + green]! * alpha) / 255);
    texture.data[to + 2] = Math.round((data[from + blue]! * alpha) / 255);
    texture.data[to + 3] = alpha;
  }
  return texture;
}

/** Half as wide and high, each pixel the mean of four; an odd last row or column meets the rim. */
function halved(source: Texture): Texture {
  const target = emptyTexture(Math.ceil(source.width / 2), Math.ceil(source.height / 2));
  const { data, stride } = source;
  for (let row = 0; row < target.height; row++) {
    for (let column = 0; column < target.width; column++) {
      const from = place(source, 2 * column, 2 * row);
      const to = place(target, column, row);
      for (let channel = 0; channel < 4; channel++) {
        const above = from + channel;
        const below = above + 4 * stride;
        const sum = data[above]! + data[above + 4]! + data[below]! + data[below + 4]!;
        target.data[to + channel] = (sum + 2) >> 2;
      }
    }
  }
  return target;
}

/** Textures of images in use, each half as large as the one before: training sees them many times. */
const kept = new WeakMap<Pixels, Texture[]>();

/**
 * The image halved so many times (Williams 1983, "Pyramidal parametrics"): what a view that shrinks it
 * reads, so that it is no sieve of pixels. Kept as long as the image is.
 */
export function textureOf(pixels: Pixels, halvings: number): Texture {
  const levels = kept.get(pixels) ?? [wholeTexture(pixels)];
  kept.set(pixels, levels);
  while (levels.length <= halvings) levels.push(halved(levels.at(-1)!));
  return levels[halvings]!;
}
