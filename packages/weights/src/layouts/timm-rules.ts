import { same, squeeze } from "./change.ts";
import { attentionInputs, changed, renamed, type NameRule } from "./name-rule.ts";

const trunk = "visual.trunk";
const vision = "vision_model";
const block = `${vision}.encoder.layers.{layer}`;

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
