import { ClipError } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";

/** Copies of the rows at these places, in their order. */
export function pickRows({ values, dim }: FeatureRows, places: readonly number[]): FeatureRows {
  const picked = new Float32Array(places.length * dim);
  places.forEach((place, row) => {
    picked.set(values.subarray(place * dim, (place + 1) * dim), row * dim);
  });
  return { values: picked, rows: places.length, dim };
}

/** Number of classes that labels name. @throws ClipError "bad-argument" if they do not fit the rows. */
export function countClasses(features: FeatureRows, labels: ArrayLike<number>): number {
  const wrong = Array.from(labels).find((label) => !Number.isSafeInteger(label) || label < 0);
  if (wrong === undefined && labels.length === features.rows && features.rows > 0) {
    return 1 + Array.from(labels).reduce((most, label) => Math.max(most, label), 0);
  }
  throw new ClipError(
    "bad-argument",
    `Every row needs a label, a whole number from 0; got ${features.rows} rows and ` +
      `${labels.length} labels${wrong === undefined ? "" : `, one of them ${wrong}`}.`,
  );
}
