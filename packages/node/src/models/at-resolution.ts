import { ClipError, isClipError } from "@clip-ts/base";
import type { ClipConfig } from "@clip-ts/model";
import { visionSpec } from "@clip-ts/vision-encoder";
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
 * @throws ClipError "bad-argument" for a size that the vision tower cannot see: no whole number, smaller
 * than a patch, or none that a ResNet's strides divide.
 */
export function configAtResolution(config: ClipConfig, imageSize: number): ClipConfig {
  const resized = { ...config, vision: { ...config.vision, imageSize } };
  const refuse = (reason: string, cause?: unknown): never => {
    throw new ClipError("bad-argument", `This model cannot be opened at another size: ${reason}`, {
      data: { imageSize },
      cause,
    });
  };
  if (!Number.isSafeInteger(imageSize) || imageSize < 1) {
    return refuse(`expected whole pixels, such as ${config.vision.imageSize}, got ${imageSize}.`);
  }
  try {
    visionSpec(resized.vision);
  } catch (cause) {
    if (isClipError(cause)) refuse(cause.message, cause);
    throw cause;
  }
  return resized;
}

/** Config and preprocessing of a model once it reads images of `imageSize` pixels a side. */
export function factsAtResolution<Facts extends ModelFacts>(
  facts: Facts,
  imageSize: number | undefined,
): Facts {
  if (imageSize === undefined || imageSize === facts.config.vision.imageSize) return facts;
  const config = configAtResolution(facts.config, imageSize);
  return { ...facts, config, preprocess: { ...facts.preprocess, size: imageSize } };
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
  const [from, to] = [positionTableOf(vision), positionTableOf({ ...vision, imageSize })];
  const renamed = convertLayout(file, "huggingface");
  if (from === undefined || to === undefined) return renamed;
  return withResizedPositions(renamed, from.name, { fromGrid: from.grid, toGrid: to.grid });
}

/**
 * A model for images of `imageSize` pixels a side: its positions are interpolated when they are read, the
 * rest stays. The weights come under clip-ts's own names. Needs a running engine.
 * @throws ClipError "bad-argument" for a size that the vision tower cannot see.
 */
export function atResolution(facts: ModelFacts, file: TensorFile, imageSize: number): ResizedModel {
  return {
    facts: factsAtResolution({ config: facts.config, preprocess: facts.preprocess }, imageSize),
    file: weightsAtResolution(facts.config, file, imageSize),
  };
}
