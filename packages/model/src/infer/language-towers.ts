import type {
  AltClipTextConfig,
  BertTextConfig,
  BuiltInTextConfig,
  M2m100TextConfig,
  Mt5TextConfig,
} from "@clip-ts/text-encoder";
import type { ShapeReader } from "./shapes.ts";

const tower = "text_model";

/** Ids of start, padding and end in every vocabulary of XLM-R's and M2M-100's. */
const fairseq = { padTokenId: 1, endTokenId: 2 } as const;

/**
 * BERT under the names that RoBERTa has too: its table of positions is as long as the context, a multiple of 8
 * wherever it was published, while RoBERTa's has two rows more. Undefined for a RoBERTa. What is pooled, and the
 * constant of norms, no shape tells.
 */
export function inferBert(shapes: ShapeReader): BertTextConfig | undefined {
  const table = `${tower}.embeddings`;
  const contextLength = shapes.side(`${table}.position_embeddings.weight`, 0);
  if (contextLength % 8 !== 0) return undefined;
  const tokens = `${table}.word_embeddings.weight`;
  const vocabSize = shapes.side(tokens, 0);
  return {
    kind: "bert",
    width: shapes.side(tokens, 1),
    layers: shapes.count(`${tower}.encoder.layer.`),
    heads: 1,
    mlpWidth: shapes.side(`${tower}.encoder.layer.0.intermediate.dense.weight`, 0),
    activation: "gelu",
    layerNormEps: 1e-12,
    vocabSize,
    contextLength,
    endTokenId: Math.min(102, vocabSize - 1),
    padTokenId: 0,
    tokenTypes: shapes.side(`${table}.token_type_embeddings.weight`, 0),
    pooling: shapes.has(`${tower}.pooler.dense.weight`) ? "pooler" : "first",
  };
}

/** The encoder of M2M-100, as NLLB-CLIP pools it; one head, as none can be seen, and the published context. */
function inferM2m100(shapes: ShapeReader): M2m100TextConfig {
  const tokens = `${tower}.embed_tokens.weight`;
  return {
    kind: "m2m100",
    width: shapes.side(tokens, 1),
    layers: shapes.count(`${tower}.layers.`),
    heads: 1,
    mlpWidth: shapes.side(`${tower}.layers.0.fc1.weight`, 0),
    activation: "relu",
    layerNormEps: 1e-5,
    vocabSize: shapes.side(tokens, 0),
    contextLength: 1024,
    ...fairseq,
    pooling: "first",
  };
}

/** mT5's encoder, as open_clip pools it; its heads are those of the table of positions. */
function inferMt5(shapes: ShapeReader): Mt5TextConfig {
  const tokens = `${tower}.embed_tokens.weight`;
  const attention = `${tower}.block.0.layer.0.SelfAttention`;
  const heads = shapes.side(`${attention}.relative_attention_bias.weight`, 1);
  return {
    kind: "mt5",
    width: shapes.side(tokens, 1),
    layers: shapes.count(`${tower}.block.`),
    heads,
    headDim: shapes.side(`${attention}.q.weight`, 0) / heads,
    mlpWidth: shapes.side(`${tower}.block.0.layer.1.DenseReluDense.wo.weight`, 1),
    activation: "gelu_pytorch_tanh",
    layerNormEps: 1e-6,
    vocabSize: shapes.side(tokens, 0),
    contextLength: 512,
    endTokenId: 1,
    padTokenId: 0,
    buckets: shapes.side(`${attention}.relative_attention_bias.weight`, 0),
    maxDistance: 128,
    pooling: "mean",
  };
}

/** AltCLIP's text tower, which says all but its heads. */
function inferAltClip(shapes: ShapeReader): AltClipTextConfig {
  const inner = `${tower}.roberta`;
  const tokens = `${inner}.embeddings.word_embeddings.weight`;
  const positions = shapes.side(`${inner}.embeddings.position_embeddings.weight`, 0);
  return {
    kind: "altclip",
    width: shapes.side(tokens, 1),
    layers: shapes.count(`${inner}.encoder.layer.`),
    heads: 1,
    mlpWidth: shapes.side(`${inner}.encoder.layer.0.intermediate.dense.weight`, 0),
    activation: "gelu",
    layerNormEps: 1e-5,
    vocabSize: shapes.side(tokens, 0),
    contextLength: positions - fairseq.padTokenId - 1,
    startTokenId: 0,
    ...fairseq,
    tokenTypes: shapes.side(`${inner}.embeddings.token_type_embeddings.weight`, 0),
    headWidth: shapes.side(`${tower}.transformation.weight`, 0),
  };
}

/** A tower that was made for language, but for BERT and RoBERTa; undefined where the tensors are none of one. */
export function inferLanguageTower(shapes: ShapeReader): BuiltInTextConfig | undefined {
  if (shapes.has(`${tower}.transformation.weight`)) return inferAltClip(shapes);
  if (!shapes.has(`${tower}.embed_tokens.weight`)) return undefined;
  return shapes.has(`${tower}.block.0.layer.0.layer_norm.weight`) ? inferMt5(shapes) : inferM2m100(shapes);
}
