import { ClipError } from "@clip-ts/base";
import { scoresOf, type FeatureRows } from "@clip-ts/core";

/** How pairs are compared. */
export interface PairLossOptions {
  /** Pairs that are compared with each other; the last batch has what is left. */
  readonly batchSize: number;
  /** Factor on cosines. */
  readonly logitScale: number;
  /** The bias of a model of the sigmoid loss, whose loss it then is; the contrastive loss without. */
  readonly logitBias?: number | undefined;
}

/** log of the sum of exponentials. */
function logSumExp(values: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < values.length; at++) most = Math.max(most, values[at] as number);
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += Math.exp((values[at] as number) - most);
  return most + Math.log(sum);
}

/** log(1 + exp(x)) for any x. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Rows `start` up to `end`, not copied. */
const rowsBetween = ({ values, dim }: FeatureRows, start: number, end: number): FeatureRows => ({
  values: values.subarray(start * dim, end * dim),
  rows: end - start,
  dim,
});

/** [rows, rows] logits of images with texts, row by row. */
function logitsOf(
  images: FeatureRows,
  texts: FeatureRows,
  { logitScale, logitBias = 0 }: PairLossOptions,
): Float64Array {
  const logits = new Float64Array(images.rows * texts.rows);
  for (let image = 0; image < images.rows; image++) {
    const cosines = scoresOf(images, image, texts);
    for (let text = 0; text < texts.rows; text++) {
      logits[image * texts.rows + text] = logitScale * (cosines[text] as number) + logitBias;
    }
  }
  return logits;
}

/** Symmetric cross entropy of one batch (Radford et al. 2021). */
function contrastive(logits: Float64Array, rows: number): number {
  let sum = 0;
  for (let pair = 0; pair < rows; pair++) {
    const right = logits[pair * rows + pair] as number;
    const column = Float64Array.from({ length: rows }, (_, image) => logits[image * rows + pair] as number);
    sum += logSumExp(logits.subarray(pair * rows, (pair + 1) * rows)) + logSumExp(column) - 2 * right;
  }
  return sum / (2 * rows);
}

/** Every pair by itself, matching or not, by the batch (Zhai et al. 2023). */
function sigmoid(logits: Float64Array, rows: number): number {
  let sum = 0;
  for (let at = 0; at < logits.length; at++) {
    const isMatching = Math.floor(at / rows) === at % rows;
    sum += softplus(isMatching ? -(logits[at] as number) : (logits[at] as number));
  }
  return sum / rows;
}

/**
 * The loss of pairs, batch by batch in their order, each batch counting by its pairs: open_clip's
 * `clip_val_loss`, for models with a bias the sigmoid loss. images and texts [pairs, dim] are unit rows, row by row a
 * pair. In double precision but for the cosines.
 * @throws ClipError "bad-argument" for rows that are no pairs.
 */
export function pairLoss(images: FeatureRows, texts: FeatureRows, options: PairLossOptions): number {
  const { batchSize, logitBias } = options;
  if (images.rows !== texts.rows || images.dim !== texts.dim || images.rows === 0) {
    throw new ClipError(
      "bad-argument",
      `The loss needs pairs: got ${images.rows} images of ${images.dim} and ${texts.rows} texts of ${texts.dim}.`,
    );
  }
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new ClipError("bad-argument", `batchSize: expected a whole number of pairs, got ${batchSize}.`);
  }
  const lossOf = logitBias === undefined ? contrastive : sigmoid;
  let sum = 0;
  for (let start = 0; start < images.rows; start += batchSize) {
    const end = Math.min(start + batchSize, images.rows);
    const logits = logitsOf(rowsBetween(images, start, end), rowsBetween(texts, start, end), options);
    sum += (end - start) * lossOf(logits, end - start);
  }
  return sum / images.rows;
}
