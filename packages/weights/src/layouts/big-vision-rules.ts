import { flatten, jaxAttentionOutput, jaxDense, jaxKernel, same, squeeze } from "./change.ts";
import { changed, changedPair, renamed, type NameRule } from "./name-rule.ts";

const image = "img";
const text = "txt";

function normRules(other: string, canonical: string): NameRule[] {
  return [
    renamed(`${other}/scale`, `${canonical}.weight`),
    renamed(`${other}/bias`, `${canonical}.bias`),
  ];
}

function denseRules(other: string, canonical: string): NameRule[] {
  return changedPair([`${other}/kernel`, `${other}/bias`], canonical, [jaxDense, same]);
}

function mlpRules(other: string, canonical: string): NameRule[] {
  return [
    ...denseRules(`${other}/Dense_0`, `${canonical}.fc1`),
    ...denseRules(`${other}/Dense_1`, `${canonical}.fc2`),
  ];
}

function attentionOutputRules(other: string, canonical: string): NameRule[] {
  const names = [`${other}/out/kernel`, `${other}/out/bias`] as const;
  return changedPair(names, `${canonical}.out_proj`, [jaxAttentionOutput, same]);
}

const inputs = { query: "q_proj", key: "k_proj", value: "v_proj" };

function blockRules(other: string, canonical: string): NameRule[] {
  const attention = `${other}/MultiHeadDotProductAttention_0`;
  return [
    ...normRules(`${other}/LayerNorm_0`, `${canonical}.layer_norm1`),
    ...normRules(`${other}/LayerNorm_1`, `${canonical}.layer_norm2`),
    ...Object.entries(inputs).flatMap(([from, to]) =>
      changedPair(
        [`${attention}/${from}/kernel`, `${attention}/${from}/bias`],
        `${canonical}.self_attn.${to}`,
        [jaxDense, flatten],
      ),
    ),
    ...attentionOutputRules(attention, `${canonical}.self_attn`),
    ...mlpRules(`${other}/MlpBlock_0`, `${canonical}.mlp`),
  ];
}

/** The attention pool keeps queries, keys and values stacked, as PyTorch's own attention does. */
function poolRules(other: string, canonical: string): NameRule[] {
  const attention = `${other}/MultiHeadDotProductAttention_0`;
  const stacked = (part: string): string[] =>
    Object.keys(inputs).map((name) => `${attention}/${name}/${part}`);
  return [
    renamed(`${other}/probe`, `${canonical}.probe`),
    {
      other: stacked("kernel"),
      canonical: [`${canonical}.attention.in_proj_weight`],
      change: jaxDense,
    },
    { other: stacked("bias"), canonical: [`${canonical}.attention.in_proj_bias`], change: flatten },
    ...attentionOutputRules(attention, `${canonical}.attention`),
    ...normRules(`${other}/LayerNorm_0`, `${canonical}.layernorm`),
    ...mlpRules(`${other}/MlpBlock_0`, `${canonical}.mlp`),
  ];
}

/** SigLIP as big_vision's Flax modules name it, without the `params/` before. */
export const bigVisionRules: readonly NameRule[] = [
  renamed("t", "logit_scale"),
  renamed("b", "logit_bias"),
  ...changedPair(
    [`${image}/embedding/kernel`, `${image}/embedding/bias`],
    "vision_model.embeddings.patch_embedding",
    [jaxKernel, same],
  ),
  changed(
    `${image}/pos_embedding`,
    "vision_model.embeddings.position_embedding.weight",
    squeeze(1),
  ),
  ...blockRules(`${image}/Transformer/encoderblock_{layer}`, "vision_model.encoder.layers.{layer}"),
  ...normRules(`${image}/Transformer/encoder_norm`, "vision_model.post_layernorm"),
  ...poolRules(`${image}/MAPHead_0`, "vision_model.head"),
  renamed(`${text}/Embed_0/embedding`, "text_model.embeddings.token_embedding.weight"),
  changed(`${text}/pos_embedding`, "text_model.embeddings.position_embedding.weight", squeeze(1)),
  ...blockRules(`${text}/Encoder_0/encoderblock_{layer}`, "text_model.encoder.layers.{layer}"),
  ...normRules(`${text}/Encoder_0/encoder_norm`, "text_model.final_layer_norm"),
  ...denseRules(`${text}/head`, "text_model.head"),
];
