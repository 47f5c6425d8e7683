import { ClipError } from "@clip-ts/base";
import { assertShape, axisLength } from "@clip-ts/core";
import {
  abs,
  add,
  concat,
  dispose,
  exp,
  expandDims,
  log1p,
  logSumExp,
  matMul,
  maximum,
  mul,
  neg,
  reshape,
  scalar,
  slice,
  sub,
  sum,
  tidy,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";

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

/** Unit features of matching pairs. */
export interface PairFeatures {
  /** [pairs, joint], unit rows. */
  readonly imageFeatures: Tensor;
  /** [pairs, joint], unit rows; row i belongs to image i. */
  readonly textFeatures: Tensor;
}

/** Features of matching pairs and what turns their cosines into logits. */
export interface PairwiseInputs extends PairFeatures {
  /** One number: the factor on the cosines. */
  readonly scale: Tensor;
  /** One number added to every logit, if there is one. */
  readonly bias?: Tensor;
}

/** The number of pairs. @throws ClipError "bad-shape" if images and texts do not match row by row. */
export function pairCount({ imageFeatures, textFeatures }: PairFeatures): number {
  assertShape(imageFeatures, ["batch", "joint"], "image features");
  assertShape(textFeatures, imageFeatures.shape, "text features of the same pairs");
  return axisLength(imageFeatures, 0);
}

/** Rows `start` to `end` of the [batch, batch] matrix that compares every image with every text. */
export interface RowChunk {
  readonly start: number;
  readonly end: number;
}

/** Entries of the matrix in memory at a time unless the caller chooses: 64 MiB of them. */
const defaultEntries = 2 ** 24;

/**
 * Splits `batch` rows that are compared with `others`, by default with as many: `chunk` rows at a time, or as many as
 * 64 MiB hold.
 */
export function rowChunks(batch: number, chunk?: number, others: number = batch): RowChunk[] {
  const rows = chunk ?? Math.max(1, Math.floor(defaultEntries / others));
  if (!Number.isInteger(rows) || rows < 1) {
    throw new ClipError("bad-argument", `chunk: expected a whole number of rows from 1, got ${rows}.`);
  }
  return Array.from({ length: Math.ceil(batch / rows) }, (_, index) => ({
    start: index * rows,
    end: Math.min(batch, (index + 1) * rows),
  }));
}

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

/** What the softmaxes of a matrix of logits are divided by, as logarithms. */
export type LogSumExps = {
  /** [batch]: log-sum-exp of each image's row. */
  readonly byImage: Tensor;
  /** [batch]: log-sum-exp of each text's column. */
  readonly byText: Tensor;
};

/** log(exp(a) + exp(b)) without overflow. */
function logAddExp(a: Tensor, b: Tensor): Tensor {
  return tidy(() => add(maximum(a, b), log1p(exp(neg(abs(sub(a, b)))))));
}

/** What a loss needs to know of all logits, gathered chunk by chunk. */
export type LogitTotals = LogSumExps & {
  /** Sum over all pairs of what is wanted of each · its logit. */
  readonly agreement: Tensor;
};

/** Those of a chunk's rows, and of its share of the columns. */
const chunkLogSumExps = (logits: Tensor): LogSumExps => ({
  byImage: logSumExp(logits, 1),
  byText: logSumExp(logits, 0),
});

/** Those of the matrix, from all its chunks in order. */
function joinLogSumExps(parts: readonly LogSumExps[]): LogSumExps {
  const rows = parts.map(({ byImage }) => byImage);
  return {
    byImage: concat(rows, 0),
    byText: parts.map(({ byText }) => byText).reduce(logAddExp),
  };
}

/** The log-sum-exps of all pairs; no more than a chunk of the matrix exists at a time. */
export function streamLogSumExps(inputs: PairwiseInputs, chunks: readonly RowChunk[]): LogSumExps {
  return joinLogSumExps(chunks.map((chunk) => tidy(() => chunkLogSumExps(chunkLogits(inputs, chunk)))));
}

/** The same with the agreement, of which `agreementOf` tells a chunk's share. */
export function streamTotals(
  inputs: PairwiseInputs,
  chunks: readonly RowChunk[],
  agreementOf: (logits: Tensor, chunk: RowChunk) => Tensor,
): LogitTotals {
  const parts = chunks.map((chunk) =>
    tidy(() => {
      const logits = chunkLogits(inputs, chunk);
      return { ...chunkLogSumExps(logits), agreement: agreementOf(logits, chunk) };
    }),
  );
  const agreement = parts.map((part) => part.agreement).reduce((a, b) => add(a, b));
  return { ...joinLogSumExps(parts), agreement };
}

/** Softmax over rows + softmax over columns, of a chunk of logits [rows, batch]. Leaves nothing else. */
export function softmaxBothWays(logits: Tensor, chunk: RowChunk, { byImage, byText }: LogSumExps): Tensor {
  return tidy(() => {
    const rows = exp(sub(logits, expandDims(rowsOf(byImage, chunk), 1)));
    const columns = exp(sub(logits, expandDims(byText, 0)));
    return add(rows, columns);
  });
}
