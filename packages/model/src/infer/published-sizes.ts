import { isVit, type VitConfig } from "@clip-ts/vision-encoder";
import { headsOf } from "../config.ts";
import { publishedModels, type PublishedModel } from "../presets/open-clip-models.ts";
import { isInferred, type InferredClip, type InferredVision } from "./infer-vision.ts";

/** A published model whose shapes tell its kind. */
export interface InferredModel extends PublishedModel {
  readonly config: InferredClip;
}

/** Patches of a side, or what stands for them in a ResNet. */
function gridOf(vision: InferredVision): number {
  return Math.floor(vision.imageSize / (isVit(vision) ? vision.patchSize : 32));
}

function vitKey(vision: VitConfig): readonly unknown[] {
  const { width, channels, layers, mlpWidth, patchSize, classToken, preNorm, patchBias } = vision;
  const style = [classToken ?? true, preNorm ?? true, patchBias ?? false];
  const isPooled = vision.pooling === "attention";
  const hasScale = vision.layerScale !== undefined;
  return [width, channels, layers, mlpWidth, patchSize, ...style, isPooled, hasScale];
}

function visionKey(vision: InferredVision): readonly unknown[] {
  if (isVit(vision)) return vitKey(vision);
  const { width, channels, layers } = vision;
  return ["resnet", width, channels, ...layers];
}

/** All that the shapes of a model tell, except the size of its images, as one word. */
function sizeKey(config: InferredClip): string {
  const { vision, text, projectionDim } = config;
  const { width, layers, mlpWidth, vocabSize, contextLength } = text;
  const caption = [text.kind ?? "clip", width, layers, mlpWidth, vocabSize, contextLength];
  const heads = headsOf(config);
  return [...visionKey(vision), ...caption, heads.image, heads.text, projectionDim].join(" ");
}

/**
 * open_clip's models of the size that shapes tell: those for as many patches, or of any, for a model that
 * was trained on at another resolution.
 */
export function publishedOfSize(sketch: InferredClip): readonly InferredModel[] {
  const key = sizeKey(sketch);
  const all = publishedModels()
    .flatMap(({ name, config }) => (isInferred(config) ? [{ name, config }] : []))
    .filter(({ config }) => sizeKey(config) === key);
  const alike = all.filter(({ config }) => gridOf(config.vision) === gridOf(sketch.vision));
  if (alike.length > 0) return alike;
  const { imageSize } = sketch.vision;
  return all.map(({ name, config }) => {
    const vision = { ...config.vision, imageSize };
    return { name, config: { ...config, vision } };
  });
}
