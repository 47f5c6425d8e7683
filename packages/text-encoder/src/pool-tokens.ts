import { axisLength } from "@clip-ts/core";
import {
  add,
  argMax,
  cast,
  div,
  equal,
  expandDims,
  max,
  mul,
  oneHot,
  slice,
  squeeze,
  sum,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { hideMasked } from "./padding-mask.ts";

/** Where each caption's first end token stands. ids [batch, tokens] → [batch, tokens], one 1 a row. */
export function endTokens(ids: Tensor, endTokenId: number): Tensor {
  const isEnd = cast(equal(ids, endTokenId), "int32");
  const position = argMax(isEnd, 1); // the first of equal values
  return cast(oneHot(position, axisLength(ids, 1)), "float32");
}

/** The marked token of each caption. hidden [batch, tokens, dim], marks [batch, tokens] → [batch, 1, dim]. */
export function markedToken(hidden: Tensor, marks: Tensor): Tensor {
  return sum(mul(hidden, expandDims(marks, 2)), 1, true);
}

/** Each caption's token at a fixed position. hidden [batch, tokens, dim] → [batch, 1, dim]. */
export function tokenAt(hidden: Tensor, position: number): Tensor {
  return slice(hidden, [0, position, 0], [-1, 1, -1]);
}

/** Each caption's token at a fixed position. hidden [batch, tokens, dim] → [batch, dim]. */
function poolPosition(hidden: Tensor, position: number): Tensor {
  return squeeze(tokenAt(hidden, position), [1]);
}

/** Each caption's first token. hidden [batch, tokens, dim] → [batch, dim]. */
export function poolFirstToken(hidden: Tensor): Tensor {
  return poolPosition(hidden, 0);
}

/** The last token of each row, padding or not. hidden [batch, tokens, dim] → [batch, dim]. */
export function poolLastToken(hidden: Tensor): Tensor {
  return poolPosition(hidden, axisLength(hidden, 1) - 1);
}

/** Mean of each caption's tokens. mask [batch, tokens] is 1 where a token counts → [batch, dim]. */
export function poolMean(hidden: Tensor, mask: Tensor): Tensor {
  const counted = cast(mask, "float32");
  return div(sum(mul(hidden, expandDims(counted, 2)), 1), sum(counted, 1, true));
}

/** Largest value over each caption's tokens. mask [batch, tokens] as above → [batch, dim]. */
export function poolMax(hidden: Tensor, mask: Tensor): Tensor {
  return max(add(hidden, expandDims(hideMasked(mask), 2)), 1);
}
