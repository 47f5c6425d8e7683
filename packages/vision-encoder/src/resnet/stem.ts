import { averagePool } from "@clip-ts/core";
import { relu, type Tensor } from "@tensorflow/tfjs-core";
import { convolve, type ConvolveOptions, type NormMode } from "./convolve.ts";
import type { ResNetParams } from "./spec.ts";

/** The leaves of the stem. */
export type StemParams = Pick<ResNetParams, "conv1" | "bn1" | "conv2" | "bn2" | "conv3" | "bn3">;

/**
 * Three convolutions of which the first halves the picture, then means over squares that halve it again.
 * x [batch, height, width, channels] → [batch, height / 4, width / 4, width of the tower].
 */
export function stem(params: StemParams, x: Tensor, mode: NormMode): Tensor {
  const at = (name: "bn1" | "bn2" | "bn3"): ConvolveOptions => ({
    norm: params[name],
    path: name,
    mode,
    padding: 1,
  });
  const first = relu(convolve(params.conv1, x, { ...at("bn1"), stride: 2 }));
  const second = relu(convolve(params.conv2, first, at("bn2")));
  return averagePool(relu(convolve(params.conv3, second, at("bn3"))), 2);
}
