import {
  flattenTree,
  initHostParams,
  pickLeaves,
  type HostArrays,
  type ParamSpec,
} from "@clip-ts/core";
import { clipSpec, type ClipConfig } from "@clip-ts/model";
import { loadHostParams, loadHostTower } from "@clip-ts/inference";
import { withWeights } from "@clip-ts/node";
import { atResolution, closing, type Model } from "@clip-ts/inference";
import { type TowerSide } from "@clip-ts/inference";

/** What a new model starts from. */
export interface StartingOptions {
  /** Weights that its towers start from; drawn by default. */
  readonly vision?: string | undefined;
  readonly text?: string | undefined;
  readonly seed: number;
}

/**
 * Parameters of a stored model by path, its positions for the images that are wanted; a sigmoid run on a
 * model without a bias gives it one.
 */
export async function loadStarting(stored: Model, wanted: ClipConfig): Promise<HostArrays> {
  const model = atResolution(stored, wanted.vision.imageSize);
  const { logit_bias: bias, ...rest } = await closing(model, loadHostParams);
  const { logit_bias: spec } = clipSpec(wanted);
  if (spec === undefined) return rest;
  return {
    ...rest,
    ...(bias === undefined ? initHostParams({ logit_bias: spec }, 0) : { logit_bias: bias }),
  };
}

/** Reads one tower of a model from weights that hold it, alone or with another. */
function loadSide(model: string, clip: ClipConfig, side: TowerSide): Promise<HostArrays> {
  return withWeights(model, (file) => loadHostTower(file, clip, side));
}

/** Loads those towers of a model that have weights, and draws the rest; by path. */
export async function drawStarting(
  clip: ClipConfig,
  { vision, text, seed }: StartingOptions,
): Promise<HostArrays> {
  const loaded = {
    ...(vision !== undefined && (await loadSide(vision, clip, "vision"))),
    ...(text !== undefined && (await loadSide(text, clip, "text"))),
  };
  const spec = flattenTree<ParamSpec>(clipSpec(clip));
  const drawn = Object.entries(spec).filter(([path]) => !(path in loaded));
  const arrays = { ...initHostParams(Object.fromEntries(drawn), seed), ...loaded };
  return pickLeaves(arrays, Object.keys(spec));
}
