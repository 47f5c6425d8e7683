import { squeeze } from "./change.ts";
import { attentionInputs, changed, renamed, type NameRule } from "./name-rule.ts";

const vision = "vision_model";
const layer = "encoder.layers.encoder_layer_{layer}";
const block = `${vision}.encoder.layers.{layer}`;

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
