import { ClipError } from "@clip-ts/base";
import type { Tensor } from "@tensorflow/tfjs-core";

/** One expected axis: a length, or a name for a length that may vary. */
export type Axis = number | string;

/**
 * Checks a tensor where it enters a public function, and nowhere else.
 * @throws ClipError "bad-shape" that names the tensor, the axes expected and the shape that came.
 */
export function assertShape(x: Tensor, axes: readonly Axis[], label: string): void {
  const fits =
    x.shape.length === axes.length &&
    axes.every((axis, index) => typeof axis === "string" || axis === x.shape[index]);
  if (fits) return;
  throw new ClipError(
    "bad-shape",
    `${label}: expected [${axes.join(", ")}], got [${x.shape.join(", ")}].`,
    { data: { label, expected: axes, actual: x.shape } },
  );
}

/** The length of an axis; negative axes count from the end. */
export function axisLength(x: Tensor, axis: number): number {
  return x.shape[axis < 0 ? x.rank + axis : axis] ?? 0;
}
