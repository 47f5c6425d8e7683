import { graphSettingsKey, transformersNames } from "@clip-ts/base";
import { unflattenLike, type HostArrays, type ParamSpec } from "@clip-ts/core";
import {
  bindInputs,
  optimize,
  traceSymbolic,
  type Graph,
  type NamedTensors,
  type SymbolicInputSpec,
} from "@clip-ts/jit";
import {
  clipSpec,
  comparePairs,
  formatClipConfig,
  imageSide,
  logitsOf,
  lossOf,
  textSide,
  type ClipConfig,
  type ClipParams,
} from "@clip-ts/model";
import type { WeightsDtype } from "@clip-ts/onnx";
import { applyHead } from "@clip-ts/projection";
import type { GraphSettings } from "./stored-graphs/graph-settings.ts";
import { encodeText, textTower } from "@clip-ts/text-encoder";
import { readsPadding } from "@clip-ts/tokenizer";
import { encodeImage, pixelForm, type PublishedPixels } from "@clip-ts/vision-encoder";
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
function isSiglip(config: ClipConfig): boolean {
  return config.text.kind === "siglip" || lossOf(config).kind === "sigmoid";
}

/** Rows are as wide as the context where the tower reads padding, and of any width elsewhere. */
function textInputs(config: ClipConfig): Record<string, SymbolicInputSpec> {
  const tokens = readsPadding(config.text) ? config.text.contextLength : "sequence_length";
  const ids = { shape: ["text_batch_size", tokens], dtype: "int32" } as const;
  return textTower(config.text).readsMask ? { input_ids: ids, attention_mask: ids } : { input_ids: ids };
}

const idsOf = (inputs: NamedTensors): Tensor => inputs["input_ids"] as Tensor;
const maskOf = (inputs: NamedTensors): { attentionMask?: Tensor } => {
  const attentionMask = inputs["attention_mask"];
  return attentionMask === undefined ? {} : { attentionMask };
};

/** How a vision tower is given its images: as it reads them, unless its form says another way. */
function publishedPixels({ vision }: ClipConfig): PublishedPixels {
  const { shape, published } = pixelForm(vision);
  return (
    published ?? {
      inputs: { pixel_values: { shape: ["image_batch_size", ...shape] } },
      read: ({ pixel_values: pixels }) => pixels as Tensor,
    }
  );
}

/** The functions of a CLIP with the names of inputs and outputs that Hugging Face gives them. */
export function clipFunctions(config: ClipConfig): ClipFunctions {
  const texts = textInputs(config);
  const { inputs: images, read: pixelsOf } = publishedPixels(config);
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
function paramsOf(config: ClipConfig, flat: NamedTensors): ClipParams {
  return unflattenLike<object, ParamSpec, Tensor>(clipSpec(config), flat) as ClipParams;
}

/**
 * Traces a function of a CLIP with its batch and text length left open, and fixes the parameters, which
 * stay in the caller's memory. Those that the function does not read are left out.
 */
export function clipGraph({ inputs, run }: ClipFunction, config: ClipConfig, params: HostArrays): Graph {
  const shapes = Object.entries(params).map(([path, { shape }]) => [path, { shape }] as const);
  const graph = traceSymbolic(
    (given) => run(paramsOf(config, given), given),
    { ...Object.fromEntries(shapes), ...inputs },
    { atMost: { sequence_length: config.text.contextLength } },
  );
  return optimize(bindInputs(graph, params));
}

/** What the library must know besides the model's own config. */
export interface TransformersSettings {
  /** The precision it takes unless it is told another. */
  readonly precision: WeightsDtype;
  /** How many files of weights lie beside a model's file, for those that have any. */
  readonly dataFiles: Readonly<Record<string, number>>;
  /** What the towers' graphs keep to themselves. */
  readonly scales: GraphSettings;
}

/**
 * The `config.json` from which @huggingface/transformers knows how to call an exported model. The graph
 * brings its own arithmetic, so every CLIP is called "clip" or "siglip" here, but for those that are given more than
 * `pixel_values`: the library has no class that calls them.
 */
export function transformersConfig(config: ClipConfig, { precision, dataFiles, scales }: TransformersSettings): object {
  const hasDataFiles = Object.keys(dataFiles).length > 0;
  const own = formatClipConfig(config);
  const family = isSiglip(config) ? "siglip" : "clip";
  // Whoever calls a graph as another model is called should not take it for one of these.
  const isCalledOtherwise = pixelForm(config.vision).published !== undefined;
  const type = isCalledOtherwise ? own["model_type"] : family;
  const isOther = own["model_type"] !== type;
  return {
    ...own,
    model_type: type,
    [graphSettingsKey]: { ...scales, ...(isOther && { config: own }) },
    "transformers.js_config": {
      dtype: transformersNames[precision].dtype,
      ...(hasDataFiles ? { use_external_data_format: dataFiles } : {}),
    },
  };
}
