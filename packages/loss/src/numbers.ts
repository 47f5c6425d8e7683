import { scalar, tidy, type Scalar, type Tensor } from "@tensorflow/tfjs-core";

/** One number, as it is or as a tensor; only a tensor gets a gradient. */
export type OneNumber = Tensor | number;

/**
 * Calls a loss whose gradient needs its numbers as tensors; those that are plain numbers are made tensors
 * for as long as it runs.
 */
export function withTensors<Names extends string>(
  numbers: Readonly<Record<Names, OneNumber>>,
  run: (tensors: Readonly<Record<Names, Tensor>>) => Scalar,
): Scalar {
  const entries = Object.entries(numbers) as [Names, OneNumber][];
  if (entries.every(([, value]) => typeof value !== "number")) {
    return run(numbers as Readonly<Record<Names, Tensor>>);
  }
  return tidy(() =>
    run(
      Object.fromEntries(
        entries.map(([name, value]) => [name, typeof value === "number" ? scalar(value) : value]),
      ) as Record<Names, Tensor>,
    ),
  );
}
