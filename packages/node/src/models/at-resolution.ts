import { ClipError } from "@clip-ts/base";
import type { ClipConfig } from "@clip-ts/model";
import { convertLayout, type TensorFile } from "@clip-ts/weights";
import { positionTableOf, withResizedPositions } from "./position-table.ts";
import type { ModelFacts } from "./read-description.ts";

/** A model at another resolution: what describes it, and its weights as a view. */
export interface ResizedModel {
  readonly facts: ModelFacts;
  readonly file: TensorFile;
}

/**
 * The config of a model once it reads images of `imageSize` pixels a side.
 * @throws ClipError "bad-argument" for a size that patches or strides do not divide.
 */
export function configAtResolution(config: ClipConfig, imageSize: number): ClipConfig {
  const { stride } = positionTableOf(config.vision);
  if (imageSize % stride === 0) return { ...config, vision: { ...config.vision, imageSize } };
  throw new ClipError(
    "bad-argument",
    `Images of ${imageSize} pixels do not fit this model: expected a multiple of ${stride}.`,
    { data: { imageSize, stride } },
  );
}

/**
 * A model's weights for images of `imageSize` pixels a side, under clip-ts's own names: positions are
 * interpolated when they are read, which needs a running engine.
 */
export function weightsAtResolution(
  { vision }: ClipConfig,
  file: TensorFile,
  imageSize: number,
): TensorFile {
  const { name, stride } = positionTableOf(vision);
  const grids = { fromGrid: vision.imageSize / stride, toGrid: imageSize / stride };
  return withResizedPositions(convertLayout(file, "huggingface"), name, grids);
}

/**
 * A model for images of `imageSize` pixels a side: its positions are interpolated when they are read, the
 * rest stays. The weights come under clip-ts's own names. Needs a running engine.
 * @throws ClipError "bad-argument" for a size that patches or strides do not divide.
 */
export function atResolution(facts: ModelFacts, file: TensorFile, imageSize: number): ResizedModel {
  const config = configAtResolution(facts.config, imageSize);
  return {
    facts: { config, preprocess: { ...facts.preprocess, size: imageSize } },
    file: weightsAtResolution(facts.config, file, imageSize),
  };
}
