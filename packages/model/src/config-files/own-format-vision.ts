import type { EfficientNetConfig, EfficientNetStage, ImageConfig, SwinConfig } from "@clip-ts/vision-encoder";
import type { Section } from "./section.ts";

const deviation = (section: Section): { readonly initialDeviation?: number } =>
  section.has("initialDeviation") ? { initialDeviation: section.number("initialDeviation") } : {};

/** Reads a Swin of ours. */
export const parseOwnSwin = (section: Section, image: ImageConfig): SwinConfig => ({
  kind: "swin",
  ...image,
  patchSize: section.side("patchSize"),
  width: section.positive("width"),
  layers: section.sizes("layers"),
  stageHeads: section.sizes("stageHeads"),
  window: section.side("window"),
  mlpRatio: section.number("mlpRatio"),
  activation: section.activation("activation"),
  layerNormEps: section.epsilon("layerNormEps"),
  ...deviation(section),
});

function parseStage(section: Section): EfficientNetStage {
  const stage: EfficientNetStage = {
    kernel: section.side("kernel"),
    inputs: section.positive("inputs"),
    outputs: section.positive("outputs"),
    stride: section.side("stride"),
    repeats: section.layers("repeats"),
    expand: section.positive("expand"),
  };
  section.onlyKeys(Object.keys(stage));
  return stage;
}

/** Reads an EfficientNet of ours. */
export const parseOwnEfficientNet = (section: Section, image: ImageConfig): EfficientNetConfig => ({
  kind: "efficientnet",
  ...image,
  stages: section.sections("stages").map(parseStage),
  widthCoefficient: section.number("widthCoefficient"),
  depthCoefficient: section.number("depthCoefficient"),
  divisor: section.positive("divisor"),
  squeezeRatio: section.number("squeezeRatio"),
  squarePadding: section.numbers("squarePadding"),
  activation: section.activation("activation"),
  normEps: section.epsilon("normEps"),
  normMomentum: section.share("normMomentum"),
  ...deviation(section),
});
