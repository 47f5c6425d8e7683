import { ClipError } from "@clip-ts/base";
import { byteLengthOf, sliceRows, type TensorFile, type TensorInfo } from "../tensor-file.ts";
import {
  changed,
  changedPair,
  jaxAttention,
  jaxKernel,
  renamed,
  same,
  squeeze,
  transpose,
  type JaxAttention,
  type NameRule,
} from "./name-rule.ts";

/** A block's name where all layers are one tensor: Flax's `scan` puts them along the first axis. */
const stackedBlock = "/encoderblock/";

/** Far beyond any model, and few enough to be listed. */
const mostLayers = 1024;

interface Layer {
  readonly name: string;
  readonly index?: number;
}

/**
 * A view of a Flax checkpoint with one tensor a layer: `encoderblock/x` [layers, …] becomes
 * `encoderblock_0/x` […] and so on.
 */
export function unstackLayers(file: TensorFile): TensorFile {
  const layers = new Map<string, Layer>();
  for (const name of file.names) {
    if (!name.includes(stackedBlock)) {
      layers.set(name, { name });
      continue;
    }
    const count = file.describe(name).shape[0] ?? 0;
    if (count > mostLayers) {
      throw new ClipError("bad-weights", `${name} holds ${count} layers; expected at most ${mostLayers}.`, {
        data: { name, count },
      });
    }
    for (let index = 0; index < count; index++) {
      layers.set(name.replace(stackedBlock, `/encoderblock_${index}/`), { name, index });
    }
  }
  const find = (name: string): Layer => layers.get(name) ?? { name };
  const infoOf = ({ name, index }: Layer): TensorInfo => {
    const { dtype, shape } = file.describe(name);
    return { dtype, shape: index === undefined ? shape : shape.slice(1) };
  };
  return {
    label: file.label,
    metadata: file.metadata,
    names: [...layers.keys()],
    describe(name) {
      const info = infoOf(find(name));
      return { ...info, byteLength: byteLengthOf(info) };
    },
    async read(name, rows) {
      const layer = find(name);
      if (layer.index === undefined) return file.read(layer.name, rows);
      const stacked = await file.read(layer.name, [layer.index, layer.index + 1]);
      const tensor = { ...infoOf(layer), bytes: stacked.bytes };
      return rows === undefined ? tensor : sliceRows(tensor, rows);
    },
  };
}

const image = "img";
const text = "txt";

function normRules(other: string, canonical: string): NameRule[] {
  return [renamed(`${other}/scale`, `${canonical}.weight`), renamed(`${other}/bias`, `${canonical}.bias`)];
}

function denseRules(other: string, canonical: string): NameRule[] {
  return changedPair([`${other}/kernel`, `${other}/bias`], canonical, [transpose, same]);
}

function mlpRules(other: string, canonical: string): NameRule[] {
  return [...denseRules(`${other}/Dense_0`, `${canonical}.fc1`), ...denseRules(`${other}/Dense_1`, `${canonical}.fc2`)];
}

function attentionOutputRules(other: string, canonical: string, { output }: JaxAttention): NameRule[] {
  const names = [`${other}/out/kernel`, `${other}/out/bias`] as const;
  return changedPair(names, `${canonical}.out_proj`, [output, same]);
}

const inputs = { query: "q_proj", key: "k_proj", value: "v_proj" };

function blockRules(other: string, canonical: string, split: JaxAttention): NameRule[] {
  const attention = `${other}/MultiHeadDotProductAttention_0`;
  return [
    ...normRules(`${other}/LayerNorm_0`, `${canonical}.layer_norm1`),
    ...normRules(`${other}/LayerNorm_1`, `${canonical}.layer_norm2`),
    ...Object.entries(inputs).flatMap(([from, to]) =>
      changedPair([`${attention}/${from}/kernel`, `${attention}/${from}/bias`], `${canonical}.self_attn.${to}`, [
        split.input,
        split.bias,
      ]),
    ),
    ...attentionOutputRules(attention, `${canonical}.self_attn`, split),
    ...mlpRules(`${other}/MlpBlock_0`, `${canonical}.mlp`),
  ];
}

/** The attention pool keeps queries, keys and values stacked, as PyTorch's own attention does. */
function poolRules(other: string, canonical: string, split: JaxAttention): NameRule[] {
  const attention = `${other}/MultiHeadDotProductAttention_0`;
  const stacked = (part: string): string[] => Object.keys(inputs).map((name) => `${attention}/${name}/${part}`);
  return [
    renamed(`${other}/probe`, `${canonical}.probe`),
    {
      other: stacked("kernel"),
      canonical: [`${canonical}.attention.in_proj_weight`],
      change: split.input,
    },
    {
      other: stacked("bias"),
      canonical: [`${canonical}.attention.in_proj_bias`],
      change: split.bias,
    },
    ...attentionOutputRules(attention, `${canonical}.attention`, split),
    ...normRules(`${other}/LayerNorm_0`, `${canonical}.layernorm`),
    ...mlpRules(`${other}/MlpBlock_0`, `${canonical}.mlp`),
  ];
}

/** Heads of each tower's attentions, which the shapes of other layouts do not tell. */
export interface AttentionHeads {
  readonly vision: number;
  readonly text: number;
}

/**
 * SigLIP as big_vision's Flax modules name it, without the `params/` before. Its attentions are split by
 * heads, so that their number must be known to write them.
 */
export function bigVisionRules(heads?: AttentionHeads): readonly NameRule[] {
  const [inImage, inText] = [jaxAttention(heads?.vision), jaxAttention(heads?.text)];
  return [
    renamed("t", "logit_scale"),
    renamed("b", "logit_bias"),
    ...changedPair(
      [`${image}/embedding/kernel`, `${image}/embedding/bias`],
      "vision_model.embeddings.patch_embedding",
      [jaxKernel, same],
    ),
    changed(`${image}/pos_embedding`, "vision_model.embeddings.position_embedding.weight", squeeze(1)),
    ...blockRules(`${image}/Transformer/encoderblock_{layer}`, "vision_model.encoder.layers.{layer}", inImage),
    ...normRules(`${image}/Transformer/encoder_norm`, "vision_model.post_layernorm"),
    ...poolRules(`${image}/MAPHead_0`, "vision_model.head", inImage),
    renamed(`${text}/Embed_0/embedding`, "text_model.embeddings.token_embedding.weight"),
    changed(`${text}/pos_embedding`, "text_model.embeddings.position_embedding.weight", squeeze(1)),
    ...blockRules(`${text}/Encoder_0/encoderblock_{layer}`, "text_model.encoder.layers.{layer}", inText),
    ...normRules(`${text}/Encoder_0/encoder_norm`, "text_model.final_layer_norm"),
    ...denseRules(`${text}/head`, "text_model.head"),
  ];
}
