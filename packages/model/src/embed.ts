import { refuseAfterDisposal, type DisposalWords } from "@clip-ts/base";
import { flattenTree } from "@clip-ts/core";
import { project } from "@clip-ts/projection";
import { encodeText, type TextOptions } from "@clip-ts/text-encoder";
import { encodeImage, pixelForm, shapeOfImages, type VisionOptions } from "@clip-ts/vision-encoder";
import { dispose, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import type { ClipParams } from "./spec.ts";

/** One side of a batch: its unit features and what else its tower tells. */
export type EncodedSide = {
  /** [batch, joint], unit rows. */
  readonly features: Tensor;
  /** [batch, tokens, dim]: what the tower pooled. */
  readonly lastHidden: Tensor;
  /** Running statistics after this batch, by path in the model; empty unless a ResNet trains. */
  readonly statistics: Readonly<Record<string, Tensor>>;
};

/** Runs the vision tower and its head. pixels [batch, ...sides], as `pixelForm` of the tower. */
export function imageSide(
  params: ClipParams,
  pixels: Tensor,
  config: ClipConfig,
  options?: VisionOptions,
): EncodedSide {
  const encoded = encodeImage(params.vision_model, pixels, config.vision, options);
  const { pooled, lastHidden } = encoded;
  const statistics = Object.fromEntries(
    Object.entries(encoded.statistics).map(([path, value]) => [`vision_model.${path}`, value]),
  );
  return { features: project(params.visual_projection, pooled), lastHidden, statistics };
}

/** Runs the text tower and its head. ids [batch, tokens] int32. */
export function textSide(params: ClipParams, ids: Tensor, config: ClipConfig, options?: TextOptions): EncodedSide {
  const { pooled, lastHidden } = encodeText(params.text_model, ids, config.text, options);
  return { features: project(params.text_projection, pooled), lastHidden, statistics: {} };
}

/** Unit image features. pixels [batch, ...sides], as `pixelForm` of the tower → [batch, joint]. */
export function embedImages(params: ClipParams, pixels: Tensor, config: ClipConfig): Tensor {
  return tidy(() => imageSide(params, pixels, config, { onlyPooled: true }).features);
}

/** Unit caption features. ids [batch, tokens] int32 → [batch, joint]. */
export function embedTexts(params: ClipParams, ids: Tensor, config: ClipConfig, options?: TextOptions): Tensor {
  return tidy(() => textSide(params, ids, config, { ...options, onlyPooled: true }).features);
}

/** Captions as ids, row-major [batch, tokens], each row holding its end token. */
export interface TokenizedTexts {
  readonly inputIds: Int32Array;
  readonly batch: number;
  readonly tokens: number;
}

/** Both towers with their heads, on plain arrays: what an engine makes of a model's parameters. */
export interface Embedder {
  /** Logarithm of the learnt factor on cosines. */
  readonly logitScale: number;
  /** What a model of the sigmoid loss adds to scaled cosines. */
  readonly logitBias?: number;
  /** Pixels [rows, ...sides], as `pixelForm` of the tower → unit features [rows, joint]. */
  images(pixels: Float32Array, rows: number): Promise<Float32Array>;
  /** Ids → unit features [batch, joint]. */
  texts(texts: TokenizedTexts): Promise<Float32Array>;
  /** Frees the parameters; whatever is asked afterwards is refused with a ClipError "disposed". */
  dispose(): void;
}

/** What an embedder says after `dispose`. */
export const embedderDisposed: DisposalWords = {
  what: "This embedder",
  remedy: "Load the weights into another, or dispose it only after its last use.",
};

/** Runs the towers operation by operation on tfjs's engine. Owns the parameters from now on. */
export async function eagerEmbedder(params: ClipParams, config: ClipConfig): Promise<Embedder> {
  const [logitScale = 0] = await params.logit_scale.data();
  const [logitBias] = params.logit_bias === undefined ? [] : await params.logit_bias.data();
  const form = pixelForm(config.vision);
  const read = async (run: () => Tensor): Promise<Float32Array> => {
    const features = tidy(run);
    const values = (await features.data()) as Float32Array;
    features.dispose();
    return values;
  };
  const embedder: Embedder = {
    logitScale,
    ...(logitBias !== undefined && { logitBias }),
    images: (pixels, rows) =>
      read(() => embedImages(params, tensor(pixels, shapeOfImages(form, pixels.length, rows)), config)),
    texts: ({ inputIds, batch, tokens }) =>
      read(() => embedTexts(params, tensor(inputIds, [batch, tokens], "int32"), config)),
    dispose: () => dispose(Object.values(flattenTree<Tensor>(params))),
  };
  return refuseAfterDisposal(embedder, embedderDisposed);
}
