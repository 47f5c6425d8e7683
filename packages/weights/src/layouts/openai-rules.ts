import { attentionInputs, renamed, transposed, type NameRule } from "./name-rule.ts";

/** A residual attention block; both towers have the same. */
function blockRules(openai: string, canonical: string): NameRule[] {
  const attention = `${canonical}.self_attn`;
  return [
    renamed(`${openai}.attn.in_proj_{part}`, ...attentionInputs(attention)),
    renamed(`${openai}.attn.out_proj.{part}`, `${attention}.out_proj.{part}`),
    renamed(`${openai}.ln_1.{part}`, `${canonical}.layer_norm1.{part}`),
    renamed(`${openai}.ln_2.{part}`, `${canonical}.layer_norm2.{part}`),
    renamed(`${openai}.ls_1.gamma`, `${canonical}.layer_scale1.lambda1`),
    renamed(`${openai}.ls_2.gamma`, `${canonical}.layer_scale2.lambda1`),
    renamed(`${openai}.mlp.c_fc.{part}`, `${canonical}.mlp.fc1.{part}`),
    renamed(`${openai}.mlp.c_proj.{part}`, `${canonical}.mlp.fc2.{part}`),
  ];
}

/** The text tower's inside, wherever it stands. */
function textTowerRules(prefix: string): NameRule[] {
  const text = "text_model";
  return [
    renamed(`${prefix}token_embedding.weight`, `${text}.embeddings.token_embedding.weight`),
    renamed(`${prefix}positional_embedding`, `${text}.embeddings.position_embedding.weight`),
    ...blockRules(`${prefix}transformer.resblocks.{layer}`, `${text}.encoder.layers.{layer}`),
    renamed(`${prefix}ln_final.{part}`, `${text}.final_layer_norm.{part}`),
  ];
}

/** Scale and bias of the logits; their shapes are `withSingleNumbers`'s. */
export const logitRules: readonly NameRule[] = ["logit_scale", "logit_bias"].map((name) =>
  renamed(name, name),
);

/**
 * CLIP's text tower: beside the vision tower (OpenAI, open_clip's `CLIP`), with no prefix, or as a part of its
 * own with "text." (open_clip's `CustomTextCLIP`). A projection is [in, out]; one with a bias is a layer.
 */
export function textRules(prefix: "" | "text.", hasBias: boolean): readonly NameRule[] {
  const projection = `${prefix}text_projection`;
  return [
    ...textTowerRules(prefix),
    hasBias
      ? renamed(`${projection}.{part}`, "text_projection.{part}")
      : transposed(projection, "text_projection.weight"),
  ];
}

/**
 * SigLIP's text tower as open_clip keeps it: its projection is the tower's head, with a bias. Beside another
 * vision tower, a projection with a bias is a head like others.
 */
export const siglipTextRules: readonly NameRule[] = [
  ...textTowerRules("text."),
  renamed("text.text_projection.{part}", "text_model.head.{part}"),
];

/** A Hugging Face encoder as open_clip's text tower, with a matrix or an MLP behind it. */
export const huggingFaceTextRules: readonly NameRule[] = [
  renamed("text.transformer.{rest}", "text_model.{rest}"),
  renamed("text.proj.weight", "text_projection.weight"),
  renamed("text.proj.0.weight", "text_projection.fc1.weight"),
  renamed("text.proj.2.weight", "text_projection.fc2.weight"),
];

const vision = "vision_model";

/** CLIP's vision transformer. */
export const vitRules: readonly NameRule[] = [
  renamed("visual.class_embedding", `${vision}.embeddings.class_embedding`),
  renamed("visual.positional_embedding", `${vision}.embeddings.position_embedding.weight`),
  renamed("visual.conv1.{part}", `${vision}.embeddings.patch_embedding.{part}`),
  renamed("visual.ln_pre.{part}", `${vision}.pre_layrnorm.{part}`), // the published spelling
  ...blockRules("visual.transformer.resblocks.{layer}", `${vision}.encoder.layers.{layer}`),
  renamed("visual.ln_post.{part}", `${vision}.post_layernorm.{part}`),
  transposed("visual.proj", "visual_projection.weight"),
];

/** Hugging Face has no CLIP ResNet; its tensors keep open_clip's names within the tower. */
export const resnetRules: readonly NameRule[] = [renamed("visual.{rest}", `${vision}.{rest}`)];
