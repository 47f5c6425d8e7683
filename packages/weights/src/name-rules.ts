/**
 * One tensor (or one family of tensors) under both naming schemes. `{layer}` stands for a layer number,
 * `{part}` for `weight` or `bias`, `{rest}` for anything.
 */
export interface NameRule {
  readonly openai: string;
  /** Several names: the OpenAI tensor is these, stacked along the first axis in this order. */
  readonly huggingFace: readonly string[];
  /** The two schemes hold the matrix transposed to each other. */
  readonly transposed: boolean;
}

function same(openai: string, ...huggingFace: string[]): NameRule {
  return { openai, huggingFace, transposed: false };
}

function transposed(openai: string, huggingFace: string): NameRule {
  return { openai, huggingFace: [huggingFace], transposed: true };
}

/** A residual attention block; both towers have the same. */
function blockRules(openai: string, huggingFace: string): NameRule[] {
  const attention = `${huggingFace}.self_attn`;
  return [
    same(
      `${openai}.attn.in_proj_{part}`,
      `${attention}.q_proj.{part}`,
      `${attention}.k_proj.{part}`,
      `${attention}.v_proj.{part}`,
    ),
    same(`${openai}.attn.out_proj.{part}`, `${attention}.out_proj.{part}`),
    same(`${openai}.ln_1.{part}`, `${huggingFace}.layer_norm1.{part}`),
    same(`${openai}.ln_2.{part}`, `${huggingFace}.layer_norm2.{part}`),
    same(`${openai}.mlp.c_fc.{part}`, `${huggingFace}.mlp.fc1.{part}`),
    same(`${openai}.mlp.c_proj.{part}`, `${huggingFace}.mlp.fc2.{part}`),
  ];
}

/** Text tower, projection and logit scale. OpenAI multiplies by its projections, so they are [in, out]. */
const textRules: readonly NameRule[] = [
  same("logit_scale", "logit_scale"),
  same("logit_bias", "logit_bias"),
  same("token_embedding.weight", "text_model.embeddings.token_embedding.weight"),
  same("positional_embedding", "text_model.embeddings.position_embedding.weight"),
  ...blockRules("transformer.resblocks.{layer}", "text_model.encoder.layers.{layer}"),
  same("ln_final.{part}", "text_model.final_layer_norm.{part}"),
  transposed("text_projection", "text_projection.weight"),
];

const transformerVisionRules: readonly NameRule[] = [
  same("visual.class_embedding", "vision_model.embeddings.class_embedding"),
  same("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
  same("visual.conv1.weight", "vision_model.embeddings.patch_embedding.weight"),
  same("visual.ln_pre.{part}", "vision_model.pre_layrnorm.{part}"), // the published spelling
  ...blockRules("visual.transformer.resblocks.{layer}", "vision_model.encoder.layers.{layer}"),
  same("visual.ln_post.{part}", "vision_model.post_layernorm.{part}"),
  transposed("visual.proj", "visual_projection.weight"),
];

/** Hugging Face has no CLIP ResNet; its tensors keep their names under both schemes. */
const resnetVisionRules: readonly NameRule[] = [same("visual.{rest}", "visual.{rest}")];

/** The rules for a checkpoint with these tensor names. */
export function rulesFor(names: readonly string[]): readonly NameRule[] {
  const isResnet = names.some((name) => name.startsWith("visual.layer1."));
  return [...textRules, ...(isResnet ? resnetVisionRules : transformerVisionRules)];
}

const ignorable =
  /(^|\.)(position_ids|attn_mask|num_batches_tracked)$|^(input_resolution|context_length|vocab_size)$/;

/** True for buffers and counters that some checkpoints carry and no model learns. */
export function isIgnorable(name: string): boolean {
  return ignorable.test(name);
}

const placeholders: Readonly<Record<string, string>> = {
  layer: "(?<layer>\\d+)",
  part: "(?<part>weight|bias)",
  rest: "(?<rest>.+)",
};

/** `name` rewritten from one pattern to another, or undefined where `from` does not match. */
export function rewrite(name: string, from: string, to: string): string | undefined {
  const source = from
    .replaceAll(".", "\\.")
    .replaceAll(/\{(\w+)\}/g, (_, key: string) => placeholders[key] ?? "");
  const groups = new RegExp(`^${source}$`).exec(name);
  if (groups === null) return undefined;
  return to.replaceAll(/\{(\w+)\}/g, (_, key: string) => groups.groups?.[key] ?? "");
}
