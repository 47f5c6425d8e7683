import { axisLength } from "@clip-ts/core";
import {
  cast,
  matMul,
  mul,
  notEqual,
  sub,
  tensor2d,
  add,
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

/** [tokens, tokens] that has 1 where the row's number is at most the column's. */
function upperTriangle(tokens: number): Tensor {
  const values = new Float32Array(tokens * tokens);
  for (let row = 0; row < tokens; row++) {
    values.fill(1, row * tokens + row, (row + 1) * tokens);
  }
  return tensor2d(values, [tokens, tokens]);
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
