import { argMax, matMul, tensor2d, tidy } from "@tensorflow/tfjs-core";
import type { FeatureRows } from "@clip-ts/core";

/** The class whose feature has the highest dot product with each row. [rows, dim] → [rows]. */
export async function nearestClasses(
  features: FeatureRows,
  classes: FeatureRows,
): Promise<Int32Array> {
  const nearest = tidy(() => {
    const rows = tensor2d(features.values, [features.rows, features.dim]);
    const candidates = tensor2d(classes.values, [classes.rows, classes.dim]);
    return argMax(matMul(rows, candidates, false, true), 1);
  });
  const found = (await nearest.data()) as Int32Array;
  nearest.dispose();
  return found;
}
