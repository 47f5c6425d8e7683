import { ClipError } from "@clip-ts/base";

/** The ends of a range, both included. */
export type Range = readonly [low: number, high: number];

/** Throws "bad-config" unless low ≤ high, both within the limits. */
export function checkRange(name: string, [low, high]: Range, limits: Range): void {
  if (low >= limits[0] && low <= high && high <= limits[1]) return;
  throw new ClipError(
    "bad-config",
    `${name} must be a range [low, high] within [${limits.join(", ")}], got [${low}, ${high}]`,
    { data: { name, low, high, limits } },
  );
}

/** Throws "bad-config" unless the number lies within the limits. */
export function checkWithin(name: string, value: number, limits: Range): void {
  if (value >= limits[0] && value <= limits[1]) return;
  throw new ClipError(
    "bad-config",
    `${name} must be a number from ${limits.join(" to ")}, got ${value}`,
    { data: { name, value, limits } },
  );
}

/** A number drawn evenly from the range. */
export function drawFrom([low, high]: Range, random: { uniform(): number }): number {
  return low + (high - low) * random.uniform();
}
