import { axisLength } from "@clip-ts/core";
import {
  add,
  cast,
  expandDims,
  lessEqual,
  matMul,
  mul,
  notEqual,
  range,
  sub,
  type Tensor,
} from "@tensorflow/tfjs-core";

/** Large enough that softmax gives exactly 0, small enough for half precision sums. */
export const hiddenScore = -1e9;

/** 1 where a token is not padding. ids [batch, tokens] → int32, same shape. */
export function maskPadding(ids: Tensor, padTokenId: number): Tensor {
  return cast(notEqual(ids, padTokenId), "int32");
}

/** What to add to scores: 0 where the mask is 1, very negative where it is 0. [...] → same. */
export function hideMasked(mask: Tensor): Tensor {
  return mul(sub(1, cast(mask, "float32")), hiddenScore);
}

/** [tokens, tokens]: 1 where the row's number is at most the column's, 0 elsewhere. */
function upperTriangle(tokens: number): Tensor {
  const positions = range(0, tokens, 1, "float32");
  return cast(lessEqual(expandDims(positions, 1), expandDims(positions, 0)), "float32");
}

/**
 * RoBERTa's positions: tokens are counted from padTokenId + 1, padding stays at padTokenId.
 * ids [batch, tokens] → int32, same shape. The count is a matrix product, which every engine has.
 */
export function positionsOf(ids: Tensor, padTokenId: number): Tensor {
  const counts = cast(maskPadding(ids, padTokenId), "float32");
  const running = matMul(counts, upperTriangle(axisLength(ids, 1))); // [batch, tokens]
  return cast(add(mul(running, counts), padTokenId), "int32");
}
