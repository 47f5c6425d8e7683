/** Size of a picture in pixels: one number for a square, or [height, width]. */
export type ImageSize = number | readonly [height: number, width: number];

/** Height and width of a picture in pixels. */
export interface Sides {
  readonly height: number;
  readonly width: number;
}

/** Height and width that a size stands for. */
export function sidesOf(size: ImageSize): Sides {
  const [height, width] = typeof size === "number" ? [size, size] : size;
  return { height, width };
}

/** The size that two sides make, in the one form that each size has: a number where they are equal. */
export function sizeOf({ height, width }: Sides): ImageSize {
  return height === width ? height : [height, width];
}

/** Whether two sizes are of the same height and width, in whichever form they are. */
export function sameSize(one: ImageSize, other: ImageSize): boolean {
  const [a, b] = [sidesOf(one), sidesOf(other)];
  return a.height === b.height && a.width === b.width;
}

/** A size in words: `224`, or `240 x 320` as height x width. */
export function shownSize(size: ImageSize): string {
  const { height, width } = sidesOf(size);
  return height === width ? String(height) : `${height} x ${width}`;
}
