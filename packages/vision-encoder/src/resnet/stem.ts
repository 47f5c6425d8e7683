import { averagePool, conv2d } from "@clip-ts/core";
import { relu, type Tensor } from "@tensorflow/tfjs-core";
import { normalize, type NormMode } from "./normalize.ts";
import type { ResNetParams } from "./spec.ts";

/** The leaves of the stem. */
export type StemParams = Pick<ResNetParams, "conv1" | "bn1" | "conv2" | "bn2" | "conv3" | "bn3">;

/**
 * Three convolutions of which the first halves the picture, then means over squares that halve it again.
 * x [batch, height, width, channels] → [batch, height / 4, width / 4, width of the tower].
 */
export function stem(params: StemParams, x: Tensor, mode: NormMode): Tensor {
  const first = conv2d(params.conv1, x, { stride: 2, padding: 1 });
  const second = conv2d(params.conv2, relu(normalize(params.bn1, first, "bn1", mode)), {
    padding: 1,
  });
  const third = conv2d(params.conv3, relu(normalize(params.bn2, second, "bn2", mode)), {
    padding: 1,
  });
  return averagePool(relu(normalize(params.bn3, third, "bn3", mode)), 2);
}
