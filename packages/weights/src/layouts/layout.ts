import { ClipError } from "@clip-ts/base";

/**
 * Naming scheme of a checkpoint. `huggingface` is clip-ts's own; `dual_encoder` is Hugging Face's for a
 * plain ViT beside a text tower; `openai` is what OpenAI and open_clip write, for every model that
 * open_clip has; `big_vision` is SigLIP in JAX; `torchvision` and `roberta` are towers alone.
 */
export type Layout =
  | "huggingface"
  | "dual_encoder"
  | "openai"
  | "big_vision"
  | "torchvision"
  | "roberta";

/** What only names of one layout look like; the first that any name has decides. */
const signs: readonly (readonly [Layout, RegExp])[] = [
  ["dual_encoder", /^vision_model\.embeddings\.(cls_token|patch_embeddings\.)/],
  ["huggingface", /^(text_model|vision_model)\./],
  ["openai", /^(visual\.|transformer\.resblocks\.|text\.)/],
  ["big_vision", /^(img|txt)\//],
  ["torchvision", /^(conv_proj\.|encoder\.layers\.encoder_layer_)/],
  ["roberta", /^(roberta\.)?(embeddings\.word_embeddings|encoder\.layer\.\d)/],
];

/** What parallel training, compiling and Flax put before every name, and a doubled tower name. */
const wrappers = /^(module\.|_orig_mod\.|params\/)+/;

/** A name without what wrappers of the model put before it. */
export function bareName(name: string): string {
  return name.replace(wrappers, "").replace(/^(vision_model\.)\1/, "$1");
}

/** The naming scheme that these tensor names follow, or undefined. */
export function layoutOf(names: readonly string[]): Layout | undefined {
  const bare = names.map(bareName);
  return signs.find(([, sign]) => bare.some((name) => sign.test(name)))?.[0];
}

/** The naming scheme that these tensor names follow; none is a `bad-weights` error. */
export function detectLayout(names: readonly string[]): Layout {
  const layout = layoutOf(names);
  if (layout !== undefined) return layout;
  const found = names.slice(0, 3).join(", ") || "no tensors";
  throw new ClipError(
    "bad-weights",
    `Expected CLIP weights under the names of Hugging Face (text_model…, vision_model…), OpenAI or open_clip ` +
      `(visual…, text…), big_vision (img/…), torchvision or RoBERTa, found ${found}.`,
    { data: { names: names.slice(0, 20) } },
  );
}
