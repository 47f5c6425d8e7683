import { ClipError } from "@clip-ts/base";

/** Red, green and blue, whole numbers from 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number];

/** Throws "bad-argument" unless the colour is three bytes. */
export function checkColor(color: Color): void {
  const isByte = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 255;
  if (color.length === 3 && color.every(isByte)) return;
  throw new ClipError(
    "bad-argument",
    `A background is three whole numbers from 0 to 255, got [${color.join(", ")}]`,
    { data: { color } },
  );
}
