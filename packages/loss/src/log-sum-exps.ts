import {
  abs,
  add,
  concat,
  exp,
  expandDims,
  log1p,
  logSumExp,
  maximum,
  neg,
  sub,
  tidy,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { rowsOf } from "./pairwise-chunks.ts";
import type { RowChunk } from "./pairwise-inputs.ts";

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

/** Those of a chunk's rows, and of its share of the columns. */
export const chunkLogSumExps = (logits: Tensor): LogSumExps => ({
  byImage: logSumExp(logits, 1),
  byText: logSumExp(logits, 0),
});

/** Those of the matrix, from all its chunks in order. */
export function joinLogSumExps(parts: readonly LogSumExps[]): LogSumExps {
  const rows = parts.map(({ byImage }) => byImage);
  return {
    byImage: concat(rows, 0),
    byText: parts.map(({ byText }) => byText).reduce(logAddExp),
  };
}

/** Softmax over rows + softmax over columns, of a chunk of logits [rows, batch]. Leaves nothing else. */
export function softmaxBothWays(
  logits: Tensor,
  chunk: RowChunk,
  { byImage, byText }: LogSumExps,
): Tensor {
  return tidy(() => {
    const rows = exp(sub(logits, expandDims(rowsOf(byImage, chunk), 1)));
    const columns = exp(sub(logits, expandDims(byText, 0)));
    return add(rows, columns);
  });
}
