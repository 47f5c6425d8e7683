import { flattenTree, initParams } from "@clip-ts/core";
import { clipSpec, initClip, type ClipConfig, type ClipParams } from "@clip-ts/model";
import { loadModelParams, loadTower } from "@clip-ts/node";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";

/** What a new model starts from. */
export interface StartingOptions {
  /** Weights that its towers start from; drawn by default. */
  readonly vision?: string | undefined;
  readonly text?: string | undefined;
  readonly seed: number;
}

/**
 * Parameters of a stored model, its positions for the images that are wanted; a sigmoid run on a model
 * without a bias gives it one. The caller owns them.
 */
export async function loadStarting(
  from: string,
  stored: ClipConfig,
  wanted: ClipConfig,
): Promise<ClipParams> {
  const { imageSize } = wanted.vision;
  const params = await loadModelParams(from, stored, { imageSize });
  const { logit_bias: spec } = clipSpec(wanted);
  const { logit_bias: bias, ...rest } = params;
  if (spec === undefined) {
    bias?.dispose();
    return rest;
  }
  return { ...rest, logit_bias: bias ?? initParams({ spec }, 0).spec };
}

/** Draws a model's parameters and loads those of the towers that have weights. The caller owns them. */
export async function drawStarting(
  clip: ClipConfig,
  { vision, text, seed }: StartingOptions,
): Promise<ClipParams> {
  const params = initClip(clip, seed);
  const loaded: {
    vision_model?: ClipParams["vision_model"];
    text_model?: ClipParams["text_model"];
  } = {};
  try {
    if (vision !== undefined) loaded.vision_model = await loadTower(vision, clip, "vision");
    if (text !== undefined) loaded.text_model = await loadTower(text, clip, "text");
  } catch (error) {
    dispose(flattenTree<Tensor>({ ...loaded, params }));
    throw error;
  }
  const { vision_model, text_model } = params;
  if (loaded.vision_model !== undefined) dispose(flattenTree<Tensor>(vision_model));
  if (loaded.text_model !== undefined) dispose(flattenTree<Tensor>(text_model));
  return { ...params, ...loaded };
}
