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
import { chunkLogits, rowsOf } from "./pairwise-chunks.ts";
import type { PairwiseInputs, RowChunk } from "./pairwise-inputs.ts";

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
  return joinLogSumExps(
    chunks.map((chunk) => tidy(() => chunkLogSumExps(chunkLogits(inputs, chunk)))),
  );
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
