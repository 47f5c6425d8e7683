import { randomStream } from "@clip-ts/base";
import { sizeOf } from "@clip-ts/core";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";

/** Normal numbers that depend on (label, shape) only. The caller owns the tensor. */
export function randomTensor(
  shape: readonly number[],
  label: string | number = "x",
  std = 1,
): Tensor {
  const random = randomStream(11, label, ...shape);
  const values = Float32Array.from({ length: sizeOf(shape) }, () => std * random.normal());
  return tensor(values, [...shape], "float32");
}
