import { axisLength } from "@clip-ts/core";
import {
  add,
  concat,
  dispose,
  matMul,
  mul,
  reshape,
  slice,
  sub,
  sum,
  tidy,
  type Tensor,
} from "@tensorflow/tfjs-core";
import type { PairwiseInputs, RowChunk } from "./pairwise-inputs.ts";

/** The rows of x that belong to a chunk. x [batch, ...] → [rows, ...]. */
export function rowsOf(x: Tensor, { start, end }: RowChunk): Tensor {
  const [, ...rest] = x.shape;
  return slice(x, [start, ...rest.map(() => 0)], [end - start, ...rest]);
}

/** scale · cosine + bias for a chunk of images and every text. → [rows, batch]. */
export function chunkLogits(inputs: PairwiseInputs, chunk: RowChunk): Tensor {
  const { imageFeatures, textFeatures, scale, bias } = inputs;
  const images = mul(rowsOf(imageFeatures, chunk), scale);
  const logits = matMul(images, textFeatures, false, true);
  return bias === undefined ? logits : add(logits, bias);
}

/** The part-wise sum of two lists. CONSUMES both, so that a running sum takes no more than its own memory. */
export function addConsuming(totals: readonly Tensor[], parts: readonly Tensor[]): Tensor[] {
  const sums = totals.map((total, index) => add(total, parts[index] as Tensor));
  dispose([...totals, ...parts]);
  return sums;
}

/** How a loss over all pairs is differentiated. */
export interface PairwiseBackward {
  readonly inputs: PairwiseInputs;
  readonly chunks: readonly RowChunk[];
  /** The loss's derivative by the logits of a chunk, short of `matching` and `factor`. */
  readonly slope: (logits: Tensor, chunk: RowChunk) => Tensor;
  /** Taken from the derivative by the logit of each pair that matches. */
  readonly matching: number;
  /** One number that all gradients are multiplied by. */
  readonly factor: Tensor;
}

/** What a chunk adds: gradients of its images, of all texts, of scale and bias. */
function chunkGradients({ inputs, slope }: PairwiseBackward, chunk: RowChunk): Tensor[] {
  const slopes = slope(chunkLogits(inputs, chunk), chunk);
  const images = rowsOf(inputs.imageFeatures, chunk);
  const pulled = matMul(slopes, inputs.textFeatures);
  return [pulled, matMul(slopes, images, true, false), sum(mul(pulled, images)), sum(slopes)];
}

/**
 * Gradients by image features, text features, scale and, if there is one, bias. The logits are computed
 * again chunk by chunk, so that memory grows with the batch and not with its square.
 */
export function pairwiseGradients(backward: PairwiseBackward): Tensor[] {
  const { inputs, chunks, factor, matching } = backward;
  const { imageFeatures, textFeatures, scale, bias } = inputs;
  const rows: Tensor[] = [];
  let totals: Tensor[] | undefined;
  for (const chunk of chunks) {
    const [images, ...rest] = tidy(() => chunkGradients(backward, chunk));
    rows.push(images as Tensor);
    totals = totals === undefined ? rest : addConsuming(totals, rest);
  }
  const [texts, byScale, byBias] = totals as [Tensor, Tensor, Tensor];
  const cosines = sum(mul(imageFeatures, textFeatures));
  const onFeatures = mul(scale, factor);
  const gradients = [
    mul(sub(concat(rows, 0), mul(textFeatures, matching)), onFeatures),
    mul(sub(texts, mul(imageFeatures, matching)), onFeatures),
    reshape(mul(sub(byScale, mul(cosines, matching)), factor), scale.shape),
  ];
  if (bias === undefined) return gradients;
  const pairs = matching * axisLength(imageFeatures, 0);
  return [...gradients, reshape(mul(sub(byBias, pairs), factor), bias.shape)];
}
