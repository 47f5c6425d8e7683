import { axisLength, flattenTree, isStatistic, unflattenLike, valueAndGradient, type ParamSpec } from "@clip-ts/core";
import { tidy, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import { imageSide, textSide } from "./embed.ts";
import { objectiveOf } from "./objectives/objectives.ts";
import { normalizedPixels } from "./objectives/pixel-values.ts";
import { comparePairs, logitsOf, type ForwardOptions, type PairBatch } from "./pairs.ts";
import { clipSpec, type ClipParams } from "./spec.ts";

/** What one pass through CLIP gives. */
export type ClipOutput = {
  /** The loss that the config asks for; symmetric contrastive by default. */
  readonly loss: Scalar;
  /** [batch, joint], unit rows. */
  readonly imageFeatures: Tensor;
  /** [batch, joint], unit rows. */
  readonly textFeatures: Tensor;
  /** [images, texts]: scaled cosines, with the bias added if there is one. */
  readonly logitsPerImage: Tensor;
  /** Share of images whose own caption scores highest in the batch. */
  readonly accuracy: Scalar;
  /** A training ResNet's running statistics after this batch, by path; otherwise empty. */
  readonly statistics: Readonly<Record<string, Tensor>>;
};

/**
 * Embeds both sides of a batch of pairs and compares every image with every caption: both halves of the
 * objective that the config asks for, the one that trains. The caller owns the outputs, the statistics
 * among them.
 */
export function forward(
  params: ClipParams,
  batch: PairBatch,
  config: ClipConfig,
  options: ForwardOptions = {},
): ClipOutput {
  return tidy(() => {
    const objective = objectiveOf(config);
    const { rows, statistics } = objective.encode(params, batch, options);
    const { loss, metrics, logits } = objective.compare(params, rows, batch);
    return {
      loss,
      imageFeatures: rows.image,
      textFeatures: rows.text,
      logitsPerImage: logits,
      accuracy: metrics.accuracy,
      statistics,
    };
  });
}

/** A pass through CLIP and what the loss says about every trained parameter. */
export interface LossGradients {
  readonly output: ClipOutput;
  /** By path; running statistics have none. */
  readonly gradients: Readonly<Record<string, Tensor>>;
}

/**
 * The loss's gradient by every parameter, a ResNet's running statistics left out, with the outputs of the
 * same pass. Borrows the parameters; the caller owns outputs and gradients.
 */
export function lossGradients(
  params: ClipParams,
  batch: PairBatch,
  config: ClipConfig,
  options: ForwardOptions = {},
): LossGradients {
  const leaves = flattenTree<Tensor>(params);
  const spec = clipSpec(config);
  const specs = flattenTree<ParamSpec>(spec);
  const learns = (path: string): boolean => !(path in specs && isStatistic(specs[path]!));
  const trained = Object.fromEntries(Object.entries(leaves).filter(([path]) => learns(path)));
  const { value, gradient, aux } = valueAndGradient((given: Record<string, Tensor>) => {
    const tree = unflattenLike(spec, { ...leaves, ...given }) as ClipParams;
    const { loss, ...rest } = forward(tree, batch, config, options);
    return { loss, aux: rest };
  }, trained);
  return { output: { loss: value, ...(aux as Omit<ClipOutput, "loss">) }, gradients: gradient };
}

/** Everything a pass through CLIP computes that other implementations show too. */
export type ForwardDetails = {
  /** [images, joint], unit rows. */
  readonly imageFeatures?: Tensor;
  /** [images, tokens, dim]: what the vision tower pools; a transformer's tokens before the last norm. */
  readonly imageLastHidden?: Tensor;
  /** [texts, joint], unit rows. */
  readonly textFeatures?: Tensor;
  /** [texts, tokens, dim]: every token after the last norm. */
  readonly textLastHidden?: Tensor;
  /** [images, texts]: scaled cosines, with the bias added if there is one. */
  readonly logitsPerImage?: Tensor;
  /** The loss that the config asks for, if there are as many images as texts. */
  readonly loss?: Tensor;
  /** A training ResNet's running statistics after this batch, by path. */
  readonly statistics?: Readonly<Record<string, Tensor>>;
};

function imageDetails(
  params: ClipParams,
  { pixelValues, keptPatches, pixelMean, pixelStd }: Partial<PairBatch>,
  config: ClipConfig,
  options: ForwardOptions,
): ForwardDetails {
  if (pixelValues === undefined) return {};
  const pixels = normalizedPixels({ pixelValues, pixelMean, pixelStd });
  const side = imageSide(params, pixels, config, { ...options, keptPatches });
  const shown = { imageFeatures: side.features, imageLastHidden: side.lastHidden };
  const { statistics } = side;
  return Object.keys(statistics).length === 0 ? shown : { ...shown, statistics };
}

function textDetails(
  params: ClipParams,
  { inputIds, attentionMask, keptHidden, keptAttention }: Partial<PairBatch>,
  config: ClipConfig,
): ForwardDetails {
  if (inputIds === undefined) return {};
  const { features, lastHidden } = textSide(params, inputIds, config, {
    attentionMask,
    keptHidden,
    keptAttention,
  });
  return { textFeatures: features, textLastHidden: lastHidden };
}

/**
 * A pass through CLIP with its intermediate results, for comparison with other implementations. With
 * only one kind of input, only that side's outputs. The caller owns the outputs.
 */
export function forwardDetails(
  params: ClipParams,
  inputs: Partial<PairBatch>,
  config: ClipConfig,
  options: ForwardOptions = {},
): ForwardDetails {
  return tidy((): ForwardDetails => {
    const image = imageDetails(params, inputs, config, options);
    const text = textDetails(params, inputs, config);
    const { imageFeatures } = image;
    const { textFeatures } = text;
    if (imageFeatures === undefined || textFeatures === undefined) return { ...image, ...text };
    const matching = axisLength(imageFeatures, 0) === axisLength(textFeatures, 0);
    if (!matching) {
      const pairs = comparePairs(params, imageFeatures, textFeatures);
      return { ...image, ...text, logitsPerImage: logitsOf(pairs) };
    }
    const rows = { image: imageFeatures, text: textFeatures };
    const { loss, logits } = objectiveOf(config).compare(params, rows, inputs);
    return { ...image, ...text, logitsPerImage: logits, loss };
  });
}
