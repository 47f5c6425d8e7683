import type { BertFamilyConfig, BertTextConfig, RobertaTextConfig } from "@clip-ts/text-encoder";
import { formatTransformer, parseTransformer } from "./hugging-face-clip.ts";
import type { Json, Section } from "./section.ts";

/** BERT-base and RoBERTa-base, where a file does not say otherwise. */
export const bertDefaults = {
  width: 768,
  layers: 12,
  heads: 12,
  activation: "gelu",
  layerNormEps: 1e-12,
} as const;

/** [SEP] in every vocabulary that was published with BERT; its `config.json` does not say it. */
const separator = 102;

/** Reads the shares that training drops, where the file has any: 0.1 in most that transformers wrote. */
export function parseDropout(text: Section): Pick<BertFamilyConfig, "hiddenDropout" | "attentionDropout"> {
  const hiddenDropout = text.share("hidden_dropout_prob", 0);
  const attentionDropout = text.share("attention_probs_dropout_prob", 0);
  return {
    ...(hiddenDropout > 0 && { hiddenDropout }),
    ...(attentionDropout > 0 && { attentionDropout }),
  };
}

/** Refuses what transformers' classes of BERT's family once could do, and we cannot. */
export function assertEncoder(text: Section): void {
  text.only("is_decoder", false);
  text.only("add_cross_attention", false);
  text.only("position_embedding_type", "absolute");
}

/** Reads BERT's keys. `pooling` is not among them: the model around it decides. */
export function parseBert(text: Section, pooling: BertTextConfig["pooling"]): BertTextConfig {
  assertEncoder(text);
  const vocabSize = text.vocabulary("vocab_size", 30_522);
  return {
    kind: "bert",
    ...parseTransformer(text, bertDefaults),
    vocabSize,
    contextLength: text.tokens("max_position_embeddings", 512),
    endTokenId: text.tokenId("eos_token_id", vocabSize, Math.min(separator, vocabSize - 1)),
    padTokenId: text.tokenId("pad_token_id", vocabSize, 0),
    tokenTypes: text.positive("type_vocab_size", 2),
    pooling,
    ...parseDropout(text),
  };
}

/** The keys that the whole family shares, written. */
export function formatBertFamily(text: Omit<BertFamilyConfig, "kind" | "pooling">): Json {
  const { attention_dropout: _other, ...stack } = formatTransformer(text);
  return {
    ...stack,
    vocab_size: text.vocabSize,
    type_vocab_size: text.tokenTypes,
    eos_token_id: text.endTokenId,
    pad_token_id: text.padTokenId,
    attention_probs_dropout_prob: text.attentionDropout ?? 0,
    hidden_dropout_prob: text.hiddenDropout ?? 0,
  };
}

/** BERT's keys, written. */
export function formatBert(text: BertTextConfig): Json {
  return { model_type: "bert", ...formatBertFamily(text), max_position_embeddings: text.contextLength };
}

/** What RoBERTa's files say of captions, where they say nothing else. */
interface RobertaDefaults {
  readonly vocabSize: number;
  readonly positions: number;
}

/** Reads ids and lengths as RoBERTa and its kin have them: positions are counted from behind the padding's id. */
export function parseRobertaCaptions(
  text: Section,
  { vocabSize: usual, positions }: RobertaDefaults,
): Pick<RobertaTextConfig, "vocabSize" | "contextLength" | "startTokenId" | "endTokenId" | "padTokenId"> {
  const vocabSize = text.vocabulary("vocab_size", usual);
  const padTokenId = text.tokenId("pad_token_id", vocabSize, 1);
  const contextLength = text.tokens("max_position_embeddings", positions) - padTokenId - 1;
  if (contextLength < 1) {
    text.refuse("max_position_embeddings", `more than ${padTokenId + 1}, the ids up to padding`);
  }
  return {
    vocabSize,
    contextLength,
    startTokenId: text.tokenId("bos_token_id", vocabSize, 0),
    endTokenId: text.tokenId("eos_token_id", vocabSize, 2),
    padTokenId,
  };
}
