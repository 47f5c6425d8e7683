import { mul, sub, type Scalar } from "@tensorflow/tfjs-core";
import { ClipError } from "@clip-ts/base";

/** A number of the host, or a scalar tensor where the step is traced into a graph. */
export type ScalarValue = number | Scalar;

/** The numbers of one step by name: see `Optimizer.scalars`. */
export type Scalars = Readonly<Record<string, ScalarValue>>;

/** The scalar of this name; a missing one is an error. */
export function scalarNamed(scalars: Scalars, name: string): ScalarValue {
  const value = scalars[name];
  if (value !== undefined) return value;
  throw new ClipError(
    "bad-argument",
    `The update needs the scalar "${name}"; take it from scalars().`,
  );
}

/** `value` · `factor`. */
export function times(value: ScalarValue, factor: number): ScalarValue {
  if (typeof value === "number") return value * factor;
  return factor === 1 ? value : mul(value, factor);
}

/** 1 - `value`. */
export function oneMinus(value: ScalarValue): ScalarValue {
  return typeof value === "number" ? 1 - value : sub(1, value);
}
