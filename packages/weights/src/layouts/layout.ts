import { ClipError } from "@clip-ts/base";
import { bigVisionRules, type AttentionHeads } from "./big-vision-rules.ts";
import type { NameRule } from "./name-rule.ts";
import {
  alignRules,
  dualEncoderRules,
  huggingFaceTextRules,
  logitRules,
  resnetRules,
  robertaRules,
  siglipTextRules,
  textRules,
  timmRules,
  timmSwinRules,
  torchvisionRules,
  vitRules,
} from "./rules.ts";

/**
 * Naming scheme of a checkpoint. `huggingface` is clip-ts's own; `dual_encoder` is Hugging Face's for a
 * plain ViT, DeiT or DINOv2 beside a text tower; `align` has a temperature; `openai` is what OpenAI and open_clip write, for every model that
 * open_clip has; `big_vision` is SigLIP in JAX; `torchvision` and `roberta` are towers alone.
 */
export type Layout = "huggingface" | "dual_encoder" | "align" | "openai" | "big_vision" | "torchvision" | "roberta";

/** What only names of one layout look like; the first that any name has decides. */
const signs: readonly (readonly [Layout, RegExp])[] = [
  ["align", /^temperature$/],
  ["huggingface", /^vision_model\.encoder\.layers\.\d+\.blocks\./], // Swin, named as in its own files
  ["dual_encoder", /^vision_model\.embeddings\.(cls_token|patch_embeddings\.)/],
  ["huggingface", /^(text_model|vision_model)\./],
  ["openai", /^(visual\.|transformer\.resblocks\.|text\.)/],
  ["big_vision", /^(img|txt)\//],
  ["torchvision", /^(conv_proj\.|encoder\.layers\.encoder_layer_)/],
  ["roberta", /^(roberta\.)?(embeddings\.word_embeddings|encoder\.layer\.\d)/],
];

/** The layout that names without wrappers follow. */
function signedBy(bare: readonly string[]): Layout | undefined {
  return signs.find(([, sign]) => bare.some((name) => sign.test(name)))?.[0];
}

/** What parallel training, compiling and recomputing put before the names of the module that they wrap. */
const wrappers = /(?<=^|\.)(?:(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.)+/gu;

/** Flax's root. */
const flaxRoot = /^(?:params\/)+/u;

const unwrapped = (name: string): string => name.replace(flaxRoot, "").replaceAll(wrappers, "");

/** The first part of the first name, with its dot, if every name starts with it and goes on. */
function sharedStart(names: readonly string[]): string | undefined {
  const [first = ""] = names;
  const start = first.slice(0, first.indexOf(".") + 1);
  const isShared = names.every((name) => name.length > start.length && name.startsWith(start));
  return start !== "" && isShared ? start : undefined;
}

/** transformers 5 saves the vision tower's blocks of an AltCLIP under the text tower's word for them, */
const singular = [/^(vision_model\.encoder\.)layer(?=\.\d+\.(layer_norm|mlp|self_attn))/u, "$1layers"] as const;

/** and has the text tower's in memory under the vision tower's. */
const plural = [/^(text_model\.roberta\.encoder\.)layers(?=\.\d)/u, "$1layer"] as const;

/**
 * The names without what stands before them: wrappers such as `module.`, wherever they are, and the
 * attributes of a training module that hold the model, such as Lightning's `model.`, if every name has them and a known
 * layout comes out. A tower's name that is doubled stands once. In the order of `names`.
 */
export function bareNames(names: readonly string[]): string[] {
  const plain = names.map(unwrapped);
  let bare = plain;
  while (signedBy(bare) === undefined) {
    const start = sharedStart(bare);
    if (start === undefined) return plain;
    bare = bare.map((name) => name.slice(start.length));
  }
  const single = bare.map((name) => name.replace(/^(vision_model\.)\1/u, "$1"));
  // DINOv2's blocks are called so as well, and have an MLP too, but no attention of this name.
  const isSingular = single.some((name) => /^vision_model\.encoder\.layer\.\d+\.self_attn\./u.test(name));
  return single.map((name) => (isSingular ? name.replace(...singular) : name).replace(...plural));
}

/** The naming scheme that these tensor names follow, or undefined. */
export function layoutOf(names: readonly string[]): Layout | undefined {
  return signedBy(bareNames(names));
}

/** Says of names that hold a model in a part of them where it is and what stands beside it. */
function partly(names: readonly string[]): string {
  const plain = names.map(unwrapped);
  const startOf = (name: string): string => name.slice(0, name.indexOf(".") + 1);
  const starts = [...new Set(plain.map(startOf))].filter((start) => {
    const inside = plain.filter((name) => start !== "" && name.startsWith(start));
    return signedBy(inside.map((name) => name.slice(start.length))) !== undefined;
  });
  const beside = plain.find((name) => !name.startsWith(starts[0] ?? ""));
  if (starts.length === 0 || beside === undefined) return "";
  const places = starts.map((start) => `"${start}"`).join(" and ");
  return (
    `. Such names stand behind ${places}, but not all do: ${beside}. Which of them are the model is not ` +
    "guessed: save its own state dict"
  );
}

/** The naming scheme that these tensor names follow; none is a `bad-weights` error. */
export function detectLayout(names: readonly string[]): Layout {
  const layout = layoutOf(names);
  if (layout !== undefined) return layout;
  const found = names.slice(0, 3).join(", ") || "no tensors";
  throw new ClipError(
    "bad-weights",
    `Expected CLIP weights under the names of Hugging Face (text_model…, vision_model…), OpenAI or open_clip ` +
      `(visual…, text…), big_vision (img/…), torchvision or RoBERTa, found ${found}${partly(names)}.`,
    { data: { names: names.slice(0, 20) } },
  );
}

type Has = (pattern: RegExp) => boolean;

/** open_clip's names differ with the towers; each is known by a tensor that only it has, in either layout. */
function openClipRules(has: Has): readonly NameRule[] {
  const isResnet = has(/^(visual|vision_model)\.layer1\./);
  const isSwin = has(/^(visual\.trunk\.layers|vision_model\.encoder\.layers)\.\d+\.blocks\./);
  const isTimm = has(/^(visual\.trunk|vision_model\.head)\./);
  const hasBias = has(/^(text\.)?text_projection\.bias$/);
  const isSiglip = has(/^text_model\.head\.bias$/) || (hasBias && has(/^visual\.trunk\.attn_pool\./));
  const isHuggingFace = has(/^(text\.transformer|text_model)\.(embeddings\.word_embeddings|embed_tokens)\./);
  const isCustom = has(/^text\./);
  const vision = isResnet ? resnetRules : isSwin ? timmSwinRules : isTimm ? timmRules : vitRules;
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
export function rulesFor(layout: OtherLayout, names: readonly string[], heads?: AttentionHeads): readonly NameRule[] {
  const has: Has = (pattern) => names.some((name) => pattern.test(name));
  switch (layout) {
    case "openai":
      return openClipRules(has);
    case "align":
      return alignRules;
    case "dual_encoder":
      return dualEncoderRules(has);
    case "big_vision":
      return bigVisionRules(heads);
    case "torchvision":
      return torchvisionRules;
    case "roberta":
      return robertaRules;
  }
}

const ignorable =
  /(^|\.)(mask_token|relative_position_index|position_ids|token_type_ids|attn_mask|num_batches_tracked|embed_positions\.weights)$|^(input_resolution|context_length|vocab_size)$|^(heads|lm_head)\./;

/** True for buffers, counters and heads of other tasks that some checkpoints carry. */
export function isIgnorable(name: string): boolean {
  return ignorable.test(name);
}

/** Poolers, and the table that open_clip keeps of fixed positions. */
const optional = /^((text|vision)_model\.(roberta\.)?pooler\.|vision_model\.embeddings\.position_embedding\.weight$)/;

/** True for tensors that a model may do without, whose presence in a file is no mistake. */
export function isOptional(name: string): boolean {
  return optional.test(name);
}
