import { ClipError } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";
import { argMax, matMul, tensor2d, tidy } from "@tensorflow/tfjs-core";

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

/**
 * Takes off what all rows of [classes, width] share, in place. Adding it changes no probability and only costs
 * a penalty, or nothing at all for biases, where rounding would let it grow without end.
 */
export function centreClasses(values: Float64Array, classes: number): void {
  const width = values.length / classes;
  const means = new Float64Array(width);
  for (let start = 0; start < values.length; start += width) {
    for (let k = 0; k < width; k++) means[k]! += values[start + k]! / classes;
  }
  for (let start = 0; start < values.length; start += width) {
    for (let k = 0; k < width; k++) values[start + k]! -= means[k]!;
  }
}

/** The class whose feature has the highest dot product with each row. [rows, dim] → [rows]. */
export async function nearestClasses(features: FeatureRows, classes: FeatureRows): Promise<Int32Array> {
  const nearest = tidy(() => {
    const rows = tensor2d(features.values, [features.rows, features.dim]);
    const candidates = tensor2d(classes.values, [classes.rows, classes.dim]);
    return argMax(matMul(rows, candidates, false, true), 1);
  });
  const found = (await nearest.data()) as Int32Array;
  nearest.dispose();
  return found;
}
