import { unflattenLike, type ParamSpec } from "@clip-ts/core";
import type { NamedTensors, SymbolicInputSpec } from "@clip-ts/jit";
import {
  clipSpec,
  comparePairs,
  imageSide,
  lossOf,
  logitsOf,
  textSide,
  type ClipConfig,
  type ClipParams,
} from "@clip-ts/model";
import { applyHead } from "@clip-ts/projection";
import { encodeText, textTower } from "@clip-ts/text-encoder";
import { readsPadding } from "@clip-ts/tokenizer";
import { encodeImage } from "@clip-ts/vision-encoder";
import { transpose, type Tensor } from "@tensorflow/tfjs-core";

/** One entry point of a CLIP as others call it. */
export interface ClipFunction {
  readonly inputs: Readonly<Record<string, SymbolicInputSpec>>;
  /** From inputs to outputs by name. */
  run(params: ClipParams, inputs: NamedTensors): NamedTensors;
}

/** The entry points that Hugging Face's libraries know, under the names of their files. */
export interface ClipFunctions {
  /** Both towers and the logits of every image with every text. */
  readonly model: ClipFunction;
  /** Text features in the joint space, of any length. */
  readonly text_model: ClipFunction;
  /** Image features in the joint space, of any length. */
  readonly vision_model: ClipFunction;
}

/** Whether a model is called as SigLIP is: pairs judged alone, captions filled up to the context. */
export function isSiglip(config: ClipConfig): boolean {
  return config.text.kind === "siglip" || lossOf(config).kind === "sigmoid";
}

/** Rows are as wide as the context where the tower reads padding, and of any width elsewhere. */
function textInputs(config: ClipConfig): Record<string, SymbolicInputSpec> {
  const tokens = readsPadding(config.text) ? config.text.contextLength : "sequence_length";
  const ids = { shape: ["text_batch_size", tokens], dtype: "int32" } as const;
  return textTower(config.text).readsMask
    ? { input_ids: ids, attention_mask: ids }
    : { input_ids: ids };
}

const idsOf = (inputs: NamedTensors): Tensor => inputs["input_ids"] as Tensor;
const pixelsOf = (inputs: NamedTensors): Tensor => inputs["pixel_values"] as Tensor;
const maskOf = (inputs: NamedTensors): { attentionMask?: Tensor } => {
  const attentionMask = inputs["attention_mask"];
  return attentionMask === undefined ? {} : { attentionMask };
};

/** The functions of a CLIP with the names of inputs and outputs that Hugging Face gives them. */
export function clipFunctions(config: ClipConfig): ClipFunctions {
  const { channels, imageSize } = config.vision;
  const texts = textInputs(config);
  const images: Record<string, SymbolicInputSpec> = {
    pixel_values: { shape: ["image_batch_size", channels, imageSize, imageSize] },
  };
  const [textOutput, imageOutput] = isSiglip(config)
    ? (["pooler_output", "pooler_output"] as const)
    : (["text_embeds", "image_embeds"] as const);
  return {
    model: {
      inputs: { ...texts, ...images },
      run(params, inputs) {
        const text = textSide(params, idsOf(inputs), config, maskOf(inputs)).features;
        const image = imageSide(params, pixelsOf(inputs), config).features;
        const logits = logitsOf(comparePairs(params, image, text));
        return {
          logits_per_image: logits,
          logits_per_text: transpose(logits),
          text_embeds: text,
          image_embeds: image,
        };
      },
    },
    text_model: {
      inputs: texts,
      run(params, inputs) {
        const encoded = encodeText(params.text_model, idsOf(inputs), config.text, maskOf(inputs));
        return { [textOutput]: applyHead(params.text_projection, encoded.pooled) };
      },
    },
    vision_model: {
      inputs: images,
      run(params, inputs) {
        const { pooled } = encodeImage(params.vision_model, pixelsOf(inputs), config.vision);
        return { [imageOutput]: applyHead(params.visual_projection, pooled) };
      },
    },
  };
}

/** A model's parameters by path, as its tree. */
export function paramsOf(config: ClipConfig, flat: NamedTensors): ClipParams {
  return unflattenLike<object, ParamSpec, Tensor>(clipSpec(config), flat) as ClipParams;
}
