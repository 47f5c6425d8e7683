import type { RobertaTextConfig, SiglipTextConfig, BuiltInTextConfig } from "@clip-ts/text-encoder";
import { inferStack } from "./infer-stack.ts";
import type { ShapeReader } from "./shapes.ts";

const tower = "text_model";

/** RoBERTa's special tokens (Liu et al. 2019): start 0, padding 1, end 2. */
const roberta = { startTokenId: 0, padTokenId: 1, endTokenId: 2 } as const;

function inferRoberta(shapes: ShapeReader): RobertaTextConfig {
  const tokens = `${tower}.embeddings.word_embeddings.weight`;
  const positions = shapes.side(`${tower}.embeddings.position_embeddings.weight`, 0);
  return {
    kind: "roberta",
    ...inferStack(shapes, {
      prefix: `${tower}.encoder.layer.`,
      width: shapes.side(tokens, 1),
      activation: "gelu",
      layerNormEps: 1e-5,
    }),
    vocabSize: shapes.side(tokens, 0),
    contextLength: positions - roberta.padTokenId - 1,
    ...roberta,
    tokenTypes: shapes.side(`${tower}.embeddings.token_type_embeddings.weight`, 0),
    pooling: shapes.has(`${tower}.pooler.dense.weight`) ? "pooler" : "mean",
  };
}

/** The text tower as far as its tensors' shapes tell it. */
export function inferText(shapes: ShapeReader): BuiltInTextConfig {
  if (shapes.has(`${tower}.embeddings.word_embeddings.weight`)) return inferRoberta(shapes);
  const tokens = `${tower}.embeddings.token_embedding.weight`;
  const head = `${tower}.head.weight`;
  const isSiglip = shapes.has(head);
  const vocabSize = shapes.side(tokens, 0);
  const shared = {
    ...inferStack(shapes, {
      prefix: `${tower}.encoder.layers.`,
      width: shapes.side(tokens, 1),
      activation: isSiglip ? "gelu_pytorch_tanh" : "gelu",
      layerNormEps: isSiglip ? 1e-6 : 1e-5,
    }),
    vocabSize,
    contextLength: shapes.side(`${tower}.embeddings.position_embedding.weight`, 0),
  };
  if (isSiglip) {
    const headWidth = shapes.side(head, 0);
    return {
      kind: "siglip",
      ...shared,
      endTokenId: 1,
      padTokenId: 1,
      headWidth,
    } satisfies SiglipTextConfig;
  }
  return { ...shared, startTokenId: vocabSize - 2, endTokenId: vocabSize - 1, padTokenId: 0 };
}
