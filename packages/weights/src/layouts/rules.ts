import { attentionInputs, changed, renamed, same, squeeze, transposed, type NameRule } from "./name-rule.ts";

const other = {
  embeddings: "vision_model.embeddings",
  layer: "vision_model.encoder.layer.{layer}",
};
const vision = "vision_model";
const block = `${vision}.encoder.layers.{layer}`;

/** Hugging Face's names of an attention's inputs in a plain ViT, and in CLIP's. */
const inputs = { query: "q_proj", key: "k_proj", value: "v_proj" };

/** What a plain ViT, DeiT and DINOv2 have in common in transformers; text tower and heads are named as here. */
const sharedDualRules: readonly NameRule[] = [
  changed(`${other.embeddings}.cls_token`, `${vision}.embeddings.class_embedding`, squeeze(2)),
  changed(`${other.embeddings}.position_embeddings`, `${vision}.embeddings.position_embedding.weight`, squeeze(1)),
  renamed(`${other.embeddings}.patch_embeddings.projection.{part}`, `${vision}.embeddings.patch_embedding.{part}`),
  ...Object.entries(inputs).map(([from, to]) =>
    renamed(`${other.layer}.attention.attention.${from}.{part}`, `${block}.self_attn.${to}.{part}`),
  ),
  renamed(`${other.layer}.attention.output.dense.{part}`, `${block}.self_attn.out_proj.{part}`),
  renamed(`${vision}.layernorm.{part}`, `${vision}.post_layernorm.{part}`),
  renamed(`${vision}.pooler.dense.{part}`, `${vision}.pooler.dense.{part}`),
  renamed("text_model.{rest}", "text_model.{rest}"),
  renamed("visual_projection.{rest}", "visual_projection.{rest}"),
  renamed("text_projection.{rest}", "text_projection.{rest}"),
  renamed("logit_scale", "logit_scale"),
];

/**
 * Hugging Face's `VisionTextDualEncoderModel` around its plain `ViTModel`, whose blocks have BERT's names, or its
 * DeiT, which has one token more.
 */
const plainVitRules: readonly NameRule[] = [
  changed(`${other.embeddings}.distillation_token`, `${vision}.embeddings.distillation_embedding`, squeeze(2)),
  renamed(`${other.layer}.layernorm_before.{part}`, `${block}.layer_norm1.{part}`),
  renamed(`${other.layer}.layernorm_after.{part}`, `${block}.layer_norm2.{part}`),
  renamed(`${other.layer}.intermediate.dense.{part}`, `${block}.mlp.fc1.{part}`),
  renamed(`${other.layer}.output.dense.{part}`, `${block}.mlp.fc2.{part}`),
];

/** The same around DINOv2, with or without registers, whose blocks have the names of its first code. */
const dinoRules: readonly NameRule[] = [
  changed(`${other.embeddings}.register_tokens`, `${vision}.embeddings.register_embedding`, squeeze(1)),
  renamed(`${other.layer}.norm1.{part}`, `${block}.layer_norm1.{part}`),
  renamed(`${other.layer}.norm2.{part}`, `${block}.layer_norm2.{part}`),
  renamed(`${other.layer}.mlp.{rest}`, `${block}.mlp.{rest}`),
  renamed(`${other.layer}.layer_scale1.lambda1`, `${block}.layer_scale1.lambda1`),
  renamed(`${other.layer}.layer_scale2.lambda1`, `${block}.layer_scale2.lambda1`),
];

/** The rules of a dual encoder whose vision tower the names, in either layout, show. */
export function dualEncoderRules(has: (pattern: RegExp) => boolean): readonly NameRule[] {
  const isDino = has(/^vision_model\.encoder\.layers?\.\d+\.layer_scale1\./u);
  return [...sharedDualRules, ...(isDino ? dinoRules : plainVitRules)];
}

/** ALIGN in transformers: named as here but for what divides its cosines, whose number `convertLayout` changes. */
export const alignRules: readonly NameRule[] = [
  renamed("temperature", "logit_scale"),
  renamed("text_model.{rest}", "text_model.{rest}"),
  renamed("vision_model.{rest}", "vision_model.{rest}"),
  renamed("text_projection.{rest}", "text_projection.{rest}"),
];

/** A residual attention block; both towers have the same. */
function blockRules(openai: string, canonical: string): NameRule[] {
  const attention = `${canonical}.self_attn`;
  return [
    renamed(`${openai}.attn.in_proj_{part}`, ...attentionInputs(attention)),
    renamed(`${openai}.attn.out_proj.{part}`, `${attention}.out_proj.{part}`),
    renamed(`${openai}.ln_1.{part}`, `${canonical}.layer_norm1.{part}`),
    renamed(`${openai}.ln_2.{part}`, `${canonical}.layer_norm2.{part}`),
    renamed(`${openai}.attn.ln_q.{part}`, `${attention}.q_norm.{part}`),
    renamed(`${openai}.attn.ln_k.{part}`, `${attention}.k_norm.{part}`),
    renamed(`${openai}.attn.head_scale`, `${attention}.head_scale`),
    renamed(`${openai}.attn.ln_inner.{part}`, `${attention}.inner_norm.{part}`),
    renamed(`${openai}.ln_attn.{part}`, `${canonical}.attention_norm.{part}`),
    renamed(`${openai}.mlp.ln.{part}`, `${canonical}.mlp.norm.{part}`),
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
export const logitRules: readonly NameRule[] = ["logit_scale", "logit_bias"].map((name) => renamed(name, name));

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

/** CLIP's vision transformer. */
export const vitRules: readonly NameRule[] = [
  renamed("visual.class_embedding", `${vision}.embeddings.class_embedding`),
  renamed("visual.positional_embedding", `${vision}.embeddings.position_embedding.weight`),
  renamed("visual.conv1.{part}", `${vision}.embeddings.patch_embedding.{part}`),
  renamed("visual.ln_pre.{part}", `${vision}.pre_layrnorm.{part}`), // the published spelling
  ...blockRules("visual.transformer.resblocks.{layer}", `${vision}.encoder.layers.{layer}`),
  renamed("visual.ln_post.{part}", `${vision}.post_layernorm.{part}`),
  renamed("visual.attn_pool.{rest}", `${vision}.attn_pool.{rest}`),
  renamed("visual.attn_pool_contrastive.{rest}", `${vision}.attn_pool_contrastive.{rest}`),
  transposed("visual.proj", "visual_projection.weight"),
];

/** Hugging Face has no CLIP ResNet; its tensors keep open_clip's names within the tower. */
export const resnetRules: readonly NameRule[] = [renamed("visual.{rest}", `${vision}.{rest}`)];

/** A RoBERTa checkpoint of its own, with or without the name that Hugging Face's task heads put before. */
export const robertaRules: readonly NameRule[] = [
  renamed("embeddings.{rest}", "text_model.embeddings.{rest}"),
  renamed("encoder.layer.{rest}", "text_model.encoder.layer.{rest}"),
  renamed("pooler.{rest}", "text_model.pooler.{rest}"),
  renamed("roberta.{rest}", "text_model.{rest}"),
];

const trunk = "visual.trunk";

/** SigLIP's vision tower as open_clip keeps it: timm's `VisionTransformer` with an attention pool. */
export const timmRules: readonly NameRule[] = [
  changed(`${trunk}.pos_embed`, `${vision}.embeddings.position_embedding.weight`, squeeze(1)),
  renamed(`${trunk}.patch_embed.proj.{part}`, `${vision}.embeddings.patch_embedding.{part}`),
  renamed(`${trunk}.blocks.{layer}.norm1.{part}`, `${block}.layer_norm1.{part}`),
  renamed(`${trunk}.blocks.{layer}.norm2.{part}`, `${block}.layer_norm2.{part}`),
  renamed(`${trunk}.blocks.{layer}.attn.qkv.{part}`, ...attentionInputs(`${block}.self_attn`)),
  renamed(`${trunk}.blocks.{layer}.attn.proj.{part}`, `${block}.self_attn.out_proj.{part}`),
  renamed(`${trunk}.blocks.{layer}.mlp.{rest}`, `${block}.mlp.{rest}`),
  renamed(`${trunk}.norm.{part}`, `${vision}.post_layernorm.{part}`),
  renamed(`${trunk}.attn_pool.latent`, `${vision}.head.probe`),
  {
    other: [`${trunk}.attn_pool.q.{part}`, `${trunk}.attn_pool.kv.{part}`],
    canonical: [`${vision}.head.attention.in_proj_{part}`],
    change: same,
    shares: [1, 2],
  },
  renamed(`${trunk}.attn_pool.proj.{part}`, `${vision}.head.attention.out_proj.{part}`),
  renamed(`${trunk}.attn_pool.norm.{part}`, `${vision}.head.layernorm.{part}`),
  renamed(`${trunk}.attn_pool.mlp.{rest}`, `${vision}.head.mlp.{rest}`),
];

const swinBlock = {
  timm: `${trunk}.layers.{layer}.blocks.{block}`,
  own: `${vision}.encoder.layers.{layer}.blocks.{block}`,
};
const swinInputs = ["query", "key", "value"].map((name) => `${swinBlock.own}.attention.self.${name}.{part}`);

/**
 * timm's Swin as open_clip keeps it, with a linear head. Its stages begin with what transformers' end with: merging.
 */
export const timmSwinRules: readonly NameRule[] = [
  renamed(`${trunk}.patch_embed.proj.{part}`, `${vision}.embeddings.patch_embeddings.projection.{part}`),
  renamed(`${trunk}.patch_embed.norm.{part}`, `${vision}.embeddings.norm.{part}`),
  renamed(`${swinBlock.timm}.norm1.{part}`, `${swinBlock.own}.layernorm_before.{part}`),
  renamed(`${swinBlock.timm}.norm2.{part}`, `${swinBlock.own}.layernorm_after.{part}`),
  renamed(`${swinBlock.timm}.attn.qkv.{part}`, ...swinInputs),
  renamed(`${swinBlock.timm}.attn.proj.{part}`, `${swinBlock.own}.attention.output.dense.{part}`),
  renamed(
    `${swinBlock.timm}.attn.relative_position_bias_table`,
    `${swinBlock.own}.attention.self.relative_position_bias_table`,
  ),
  renamed(`${swinBlock.timm}.mlp.fc1.{part}`, `${swinBlock.own}.intermediate.dense.{part}`),
  renamed(`${swinBlock.timm}.mlp.fc2.{part}`, `${swinBlock.own}.output.dense.{part}`),
  ...[1, 2, 3, 4, 5, 6, 7].map((stage) =>
    renamed(`${trunk}.layers.${stage}.downsample.{rest}`, `${vision}.encoder.layers.${stage - 1}.downsample.{rest}`),
  ),
  renamed(`${trunk}.norm.{part}`, `${vision}.layernorm.{part}`),
  renamed("visual.head.proj.{part}", "visual_projection.{part}"),
];

const layer = "encoder.layers.encoder_layer_{layer}";

/** torchvision's `vit_b_32` and its kin, whose classifier is left out. */
export const torchvisionRules: readonly NameRule[] = [
  changed("class_token", `${vision}.embeddings.class_embedding`, squeeze(2)),
  renamed("conv_proj.{part}", `${vision}.embeddings.patch_embedding.{part}`),
  changed("encoder.pos_embedding", `${vision}.embeddings.position_embedding.weight`, squeeze(1)),
  renamed(`${layer}.ln_1.{part}`, `${block}.layer_norm1.{part}`),
  renamed(`${layer}.ln_2.{part}`, `${block}.layer_norm2.{part}`),
  renamed(`${layer}.self_attention.in_proj_{part}`, ...attentionInputs(`${block}.self_attn`)),
  renamed(`${layer}.self_attention.out_proj.{part}`, `${block}.self_attn.out_proj.{part}`),
  renamed(`${layer}.mlp.0.{part}`, `${block}.mlp.fc1.{part}`),
  renamed(`${layer}.mlp.3.{part}`, `${block}.mlp.fc2.{part}`),
  renamed(`${layer}.mlp.linear_1.{part}`, `${block}.mlp.fc1.{part}`), // as the published files spell it
  renamed(`${layer}.mlp.linear_2.{part}`, `${block}.mlp.fc2.{part}`),
  renamed("encoder.ln.{part}", `${vision}.post_layernorm.{part}`),
];
