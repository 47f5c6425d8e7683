import { squeeze } from "./change.ts";
import { changed, renamed, type NameRule } from "./name-rule.ts";

const other = {
  embeddings: "vision_model.embeddings",
  layer: "vision_model.encoder.layer.{layer}",
};
const vision = "vision_model";
const block = `${vision}.encoder.layers.{layer}`;

/** Hugging Face's names of an attention's inputs in a plain ViT, and in CLIP's. */
const inputs = { query: "q_proj", key: "k_proj", value: "v_proj" };

/**
 * Hugging Face's `VisionTextDualEncoderModel` around its plain `ViTModel`, whose blocks have BERT's names;
 * text tower and heads are named as here.
 */
export const dualEncoderRules: readonly NameRule[] = [
  changed(`${other.embeddings}.cls_token`, `${vision}.embeddings.class_embedding`, squeeze(2)),
  changed(
    `${other.embeddings}.position_embeddings`,
    `${vision}.embeddings.position_embedding.weight`,
    squeeze(1),
  ),
  renamed(
    `${other.embeddings}.patch_embeddings.projection.{part}`,
    `${vision}.embeddings.patch_embedding.{part}`,
  ),
  ...Object.entries(inputs).map(([from, to]) =>
    renamed(`${other.layer}.attention.attention.${from}.{part}`, `${block}.self_attn.${to}.{part}`),
  ),
  renamed(`${other.layer}.attention.output.dense.{part}`, `${block}.self_attn.out_proj.{part}`),
  renamed(`${other.layer}.layernorm_before.{part}`, `${block}.layer_norm1.{part}`),
  renamed(`${other.layer}.layernorm_after.{part}`, `${block}.layer_norm2.{part}`),
  renamed(`${other.layer}.intermediate.dense.{part}`, `${block}.mlp.fc1.{part}`),
  renamed(`${other.layer}.output.dense.{part}`, `${block}.mlp.fc2.{part}`),
  renamed(`${vision}.layernorm.{part}`, `${vision}.post_layernorm.{part}`),
  renamed(`${vision}.pooler.dense.{part}`, `${vision}.pooler.dense.{part}`),
  renamed("text_model.{rest}", "text_model.{rest}"),
  renamed("visual_projection.{rest}", "visual_projection.{rest}"),
  renamed("text_projection.{rest}", "text_projection.{rest}"),
  renamed("logit_scale", "logit_scale"),
];
