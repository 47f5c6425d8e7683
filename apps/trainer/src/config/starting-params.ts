import {
  flattenTree,
  initHostParams,
  pickLeaves,
  type HostArrays,
  type ParamSpec,
} from "@clip-ts/core";
import { clipSpec, type ClipConfig } from "@clip-ts/model";
import { loadHostParams, loadHostTower } from "@clip-ts/node";

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
export async function loadStarting(
  from: string,
  stored: ClipConfig,
  wanted: ClipConfig,
): Promise<HostArrays> {
  const { imageSize } = wanted.vision;
  const { logit_bias: bias, ...rest } = await loadHostParams(from, stored, { imageSize });
  const { logit_bias: spec } = clipSpec(wanted);
  if (spec === undefined) return rest;
  return {
    ...rest,
    ...(bias === undefined ? initHostParams({ logit_bias: spec }, 0) : { logit_bias: bias }),
  };
}

/** Loads those towers of a model that have weights, and draws the rest; by path. */
export async function drawStarting(
  clip: ClipConfig,
  { vision, text, seed }: StartingOptions,
): Promise<HostArrays> {
  const loaded = {
    ...(vision !== undefined && (await loadHostTower(vision, clip, "vision"))),
    ...(text !== undefined && (await loadHostTower(text, clip, "text"))),
  };
  const spec = flattenTree<ParamSpec>(clipSpec(clip));
  const drawn = Object.entries(spec).filter(([path]) => !(path in loaded));
  const arrays = { ...initHostParams(Object.fromEntries(drawn), seed), ...loaded };
  return pickLeaves(arrays, Object.keys(spec));
}
