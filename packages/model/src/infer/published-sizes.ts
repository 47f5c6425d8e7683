import { matchVision, type VisionConfig, type VitConfig } from "@clip-ts/vision-encoder";
import { headsOf, type ClipConfig } from "../config.ts";
import { publishedModels, type PublishedModel } from "../presets/open-clip-models.ts";

/** Patches of a side, or what stands for them in a ResNet. */
function gridOf(vision: VisionConfig): number {
  const stride = matchVision(vision, { vit: ({ patchSize }) => patchSize, resnet: () => 32 });
  return Math.floor(vision.imageSize / stride);
}

function vitKey(vision: VitConfig): readonly unknown[] {
  const { width, channels, layers, mlpWidth, patchSize, classToken, preNorm, patchBias } = vision;
  const style = [classToken ?? true, preNorm ?? true, patchBias ?? false];
  const isPooled = vision.pooling === "attention";
  const hasScale = vision.layerScale !== undefined;
  return [width, channels, layers, mlpWidth, patchSize, ...style, isPooled, hasScale];
}

const visionKey = (vision: VisionConfig): readonly unknown[] =>
  matchVision(vision, {
    vit: vitKey,
    resnet: ({ width, channels, layers }) => ["resnet", width, channels, ...layers],
  });

/** All that the shapes of a model tell, except the size of its images, as one word. */
function sizeKey(config: ClipConfig): string {
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
export function publishedOfSize(sketch: ClipConfig): readonly PublishedModel[] {
  const key = sizeKey(sketch);
  const all = publishedModels().filter(({ config }) => sizeKey(config) === key);
  const alike = all.filter(({ config }) => gridOf(config.vision) === gridOf(sketch.vision));
  if (alike.length > 0) return alike;
  const { imageSize } = sketch.vision;
  return all.map(({ name, config }) => {
    const vision = { ...config.vision, imageSize };
    return { name, config: { ...config, vision } };
  });
}
