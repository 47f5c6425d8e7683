import { isClipError, refuseAfterDisposal } from "@clip-ts/base";
import { unflattenLike, type HostArray, type HostArrays } from "@clip-ts/core";
import { traceSymbolic, type Graph, type InputSpec, type NamedTensors, type SymbolicInputSpec } from "@clip-ts/jit";
import {
  clipSpec,
  embedImages,
  embedTexts,
  embedderDisposed,
  type ClipConfig,
  type ClipParams,
  type Embedder,
} from "@clip-ts/model";
import { pixelForm, shapeOfImages } from "@clip-ts/vision-encoder";
import type { Tensor } from "@tensorflow/tfjs-core";

/** One side of a model: what is traced of it, and what goes in. */
export interface Side {
  readonly embed: (params: ClipParams, input: Tensor, config: ClipConfig) => Tensor;
  /** What of the parameter tree it reads. */
  readonly parts: readonly (keyof ClipParams)[];
  /** The shape of an input, with names for sides that are not always the same. */
  readonly shape: readonly (number | string)[];
  readonly dtype: "float32" | "int32";
}

/** Both sides of a model. */
export function sidesOf({ vision }: ClipConfig): {
  readonly images: Side;
  readonly texts: Side;
} {
  return {
    images: {
      embed: embedImages,
      parts: ["vision_model", "visual_projection"],
      shape: ["batch", ...pixelForm(vision).shape],
      dtype: "float32",
    },
    texts: {
      embed: embedTexts,
      parts: ["text_model", "text_projection"],
      shape: ["batch", "tokens"],
      dtype: "int32",
    },
  };
}

type Run = (inputs: NamedTensors) => NamedTensors;

/** These parts of a model's spec, those that it has. */
export function partsOf(config: ClipConfig, parts: readonly (keyof ClipParams)[]): object {
  return Object.fromEntries(Object.entries(clipSpec(config)).filter(([name]) => parts.some((part) => part === name)));
}

/** A side as a function of its input and of its parameters by path. */
export function functionOf({ embed, parts }: Side, config: ClipConfig): Run {
  const spec = partsOf(config, parts);
  return ({ input, ...leaves }) => ({
    features: embed(unflattenLike(spec, leaves) as ClipParams, input as Tensor, config),
  });
}

/** What tracing is told about parameters. */
export function leavesOf(params: HostArrays): Record<string, InputSpec> {
  const shapes = Object.entries(params).map(([path, { shape }]) => [path, { shape }] as const);
  return Object.fromEntries(shapes);
}

/** The function with its sides left open, if it can be traced so. */
export function traceOpen(
  run: Run,
  inputs: Readonly<Record<string, SymbolicInputSpec>>,
  config: ClipConfig,
): Graph | undefined {
  try {
    return traceSymbolic(run, inputs, { atMost: { tokens: config.text.contextLength } });
  } catch (error) {
    if (isClipError(error) && error.code === "unsupported") return undefined;
    throw error;
  }
}

/** Both towers as they run with certain weights. */
interface RunningTowers {
  images(input: HostArray): Promise<Float32Array>;
  texts(input: HostArray): Promise<Float32Array>;
  dispose(): void;
}

/** The embedder that two running towers make. */
export function embedderOf(config: ClipConfig, weights: HostArrays, towers: RunningTowers): Embedder {
  const form = pixelForm(config.vision);
  const logitBias = weights["logit_bias"]?.data[0];
  const embedder: Embedder = {
    logitScale: weights["logit_scale"]?.data[0] ?? 0,
    ...(logitBias !== undefined && { logitBias }),
    images: async (pixels, rows) => towers.images({ data: pixels, shape: shapeOfImages(form, pixels.length, rows) }),
    texts: ({ inputIds, batch, tokens }) => towers.texts({ data: inputIds, shape: [batch, tokens] }),
    dispose: () => towers.dispose(),
  };
  return refuseAfterDisposal(embedder, embedderDisposed);
}
