import {
  axisLength,
  embed,
  embeddingSpec,
  withTraits,
  type EmbeddingParams,
  type ParamSpec,
} from "@clip-ts/core";
import { add, slice, type Tensor } from "@tensorflow/tfjs-core";
import type { BuiltInTextConfig } from "./config.ts";

/** Token and position tables of CLIP's and SigLIP's text towers. */
export interface CaptionEmbeddings<Leaf = Tensor> {
  /** weight [vocab, dim] */
  readonly token_embedding: EmbeddingParams<Leaf>;
  /** weight [contextLength, dim] */
  readonly position_embedding: EmbeddingParams<Leaf>;
}

/** Both tables, normal with the given deviations, at the tower's start. */
export function captionEmbeddingsSpec(
  { vocabSize, contextLength, width }: BuiltInTextConfig,
  deviations: { readonly tokens: number; readonly positions: number },
): CaptionEmbeddings<ParamSpec> {
  const tables = {
    token_embedding: embeddingSpec(vocabSize, width, deviations.tokens),
    position_embedding: embeddingSpec(contextLength, width, deviations.positions),
  };
  return withTraits(tables, { depth: 0 });
}

/** Tokens plus the first positions. ids [batch, tokens] → [batch, tokens, dim]. */
export function embedCaptions(
  { token_embedding, position_embedding }: CaptionEmbeddings,
  ids: Tensor,
  { width }: BuiltInTextConfig,
): Tensor {
  const positions = slice(position_embedding.weight, [0, 0], [axisLength(ids, 1), width]);
  return add(embed(token_embedding, ids), positions);
}
