import { ClipError } from "@clip-ts/base";
import { assertShape, axisLength, embed, layerNorm } from "@clip-ts/core";
import { encode } from "@clip-ts/transformer";
import {
  add,
  argMax,
  cast,
  equal,
  expandDims,
  mul,
  oneHot,
  slice,
  sum,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { causalMask } from "./causal-mask.ts";
import type { TextConfig } from "./config.ts";
import type { TextParams } from "./spec.ts";

/** What the tower reads in captions. */
export interface EncodedText {
  /** [batch, dim]: the first end token after the last norm. */
  readonly pooled: Tensor;
  /** [batch, tokens, dim]: every token after the last norm. */
  readonly lastHidden: Tensor;
}

/** The row of each caption's first end token. hidden [batch, tokens, dim] → [batch, dim]. */
function poolEndToken(hidden: Tensor, ids: Tensor, endTokenId: number): Tensor {
  const isEnd = cast(equal(ids, endTokenId), "int32");
  const position = argMax(isEnd, 1); // the first of equal values
  const picked = cast(oneHot(position, axisLength(ids, 1)), "float32"); // [batch, tokens]
  return sum(mul(hidden, expandDims(picked, 2)), 1);
}

/**
 * CLIP's text transformer (Radford et al. 2021, arXiv:2103.00020; openai/CLIP `encode_text`).
 * ids [batch, tokens] int32 with tokens ≤ contextLength, each row ending in the end token and then
 * padding of any kind → pooled feature and tokens. Since attention is causal, what follows the end
 * token changes nothing, so a batch needs only as many tokens as its longest caption.
 */
export function encodeText(params: TextParams, ids: Tensor, config: TextConfig): EncodedText {
  assertShape(ids, ["batch", "tokens"], "input ids");
  const tokens = axisLength(ids, 1);
  if (tokens > config.contextLength) {
    throw new ClipError(
      "bad-shape",
      `Captions of ${tokens} tokens do not fit a context of ${config.contextLength}: truncate them first.`,
      { data: { tokens, contextLength: config.contextLength } },
    );
  }
  const { token_embedding, position_embedding } = params.embeddings;
  const positions = slice(position_embedding.weight, [0, 0], [tokens, config.width]);
  const embedded = add(embed(token_embedding, ids), positions);
  const encoded = encode(params.encoder, embedded, config, causalMask(tokens));
  const lastHidden = layerNorm(params.final_layer_norm, encoded, config.layerNormEps);
  return { pooled: poolEndToken(lastHidden, ids, config.endTokenId), lastHidden };
}
