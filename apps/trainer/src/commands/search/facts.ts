import type { Fields } from "@clip-ts/search";

const two = (value: number): string => String(value).padStart(2, "0");

/** The day of a moment, as ISO 8601 has it, in UTC, in which an index keeps cameras' clocks; nothing where there is none. */
export function dayOf(moment: unknown): string {
  const date = new Date(typeof moment === "number" ? moment : Number.NaN);
  if (Number.isNaN(date.getTime())) return "";
  return `${String(date.getUTCFullYear()).padStart(4, "0")}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
}

/** A picture's pixels: "4032×3024"; nothing where they are not known. */
export function sizeOf({ width, height }: Fields): string {
  return Number(width) > 0 && Number(height) > 0 ? `${width}×${height}` : "";
}

const units = ["B", "kB", "MB", "GB"];

/** The size of a picture's file: "2.1 MB"; nothing where it is not known. */
export function bytesOf({ bytes }: Fields): string {
  let size = Number(bytes ?? Number.NaN);
  if (Number.isNaN(size)) return "";
  let unit = 0;
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000;
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}
