import { bigVisionRules, type AttentionHeads } from "./big-vision-rules.ts";
import { dualEncoderRules } from "./dual-encoder-rules.ts";
import type { Layout } from "./layout.ts";
import type { NameRule } from "./name-rule.ts";
import {
  huggingFaceTextRules,
  logitRules,
  resnetRules,
  siglipTextRules,
  textRules,
  vitRules,
} from "./openai-rules.ts";
import { robertaRules } from "./roberta-rules.ts";
import { timmRules } from "./timm-rules.ts";
import { torchvisionRules } from "./torchvision-rules.ts";

type Has = (pattern: RegExp) => boolean;

/** open_clip's names differ with the towers; each is known by a tensor that only it has, in either layout. */
function openClipRules(has: Has): readonly NameRule[] {
  const isResnet = has(/^(visual|vision_model)\.layer1\./);
  const isTimm = has(/^(visual\.trunk|vision_model\.head)\./);
  const hasBias = has(/^(text\.)?text_projection\.bias$/);
  const isSiglip =
    has(/^text_model\.head\.bias$/) || (hasBias && has(/^visual\.trunk\.attn_pool\./));
  const isHuggingFace = has(/^(text\.transformer|text_model)\.embeddings\.word_embeddings\./);
  const isCustom = has(/^text\./);
  const vision = isResnet ? resnetRules : isTimm ? timmRules : vitRules;
  const plainText = textRules(isCustom ? "text." : "", hasBias);
  const text = isHuggingFace ? huggingFaceTextRules : isSiglip ? siglipTextRules : plainText;
  return [...logitRules, ...text, ...vision];
}

/** A layout that is not clip-ts's own. */
export type OtherLayout = Exclude<Layout, "huggingface">;

/**
 * The rules between a layout and clip-ts's own, for a checkpoint with these tensor names. `heads` are
 * needed to write big_vision's.
 */
export function rulesFor(
  layout: OtherLayout,
  names: readonly string[],
  heads?: AttentionHeads,
): readonly NameRule[] {
  switch (layout) {
    case "openai":
      return openClipRules((pattern) => names.some((name) => pattern.test(name)));
    case "dual_encoder":
      return dualEncoderRules;
    case "big_vision":
      return bigVisionRules(heads);
    case "torchvision":
      return torchvisionRules;
    case "roberta":
      return robertaRules;
  }
}

const ignorable =
  /(^|\.)(position_ids|token_type_ids|attn_mask|num_batches_tracked)$|^(input_resolution|context_length|vocab_size)$|^(heads|lm_head)\./;

/** True for buffers, counters and heads of other tasks that some checkpoints carry. */
export function isIgnorable(name: string): boolean {
  return ignorable.test(name);
}

/** Poolers, and the table that open_clip keeps of fixed positions. */
const optional =
  /^((text|vision)_model\.pooler\.|vision_model\.embeddings\.position_embedding\.weight$)/;

/** True for tensors that a model may do without, whose presence in a file is no mistake. */
export function isOptional(name: string): boolean {
  return optional.test(name);
}
