export { scoresOf, type FeatureRows } from "@clip-ts/core";
export { bestMatches, type Match } from "./best-matches.ts";
export {
  rankLabels,
  type Calibration,
  type Classification,
  type LabelRows,
} from "./classification.ts";
export { createClip, defaultTemplates, type Clip, type ClipParts } from "./clip.ts";
export { headsOf, lossOf, type ClipConfig, type LossConfig } from "./config.ts";
export { embedImages, embedTexts, imageSide, textSide, type EncodedSide } from "./embed.ts";
export { eagerEmbedder, embedderDisposed, type Embedder, type TokenizedTexts } from "./embedder.ts";
export { embedLabels } from "./embed-labels.ts";
export {
  embedReadable,
  type AnyIterable,
  type EmbedReadableOptions,
  type ImageJob,
  type ReadableFeatures,
  type SkippedJob,
} from "./embed-readable.ts";
export { forwardDetails, type ForwardDetails } from "./forward-details.ts";
export { forward, type ClipOutput } from "./forward.ts";
export { lossGradients, type LossGradients } from "./loss-gradients.ts";
export type { ForwardOptions, PairBatch } from "./pair-batch.ts";
export { formatClipConfig, parseClipConfig, weightNamesOf } from "./config-files/hugging-face.ts";
export { ownFormatReason } from "./config-files/own-format-reason.ts";
export {
  assertBigVision,
  assertTorchvision,
  formatRobertaConfig,
} from "./config-files/other-libraries.ts";
export {
  formatOpenClipConfig,
  isOpenClipConfig,
  parseOpenClipConfig,
} from "./config-files/open-clip.ts";
export {
  formatTorchvisionConfig,
  parseTowerConfig,
  type TowerConfig,
} from "./config-files/tower-alone.ts";
export { inferTowerConfig } from "./infer/infer-tower.ts";
export { inferClipConfig } from "./infer/infer-clip-config.ts";
export type { InferOptions, PerTower } from "./infer/infer-options.ts";
export type { TensorShapes } from "./infer/shapes.ts";
export { comparePairs, logitsOf, lossOfPairs, type ComparedPairs } from "./pair-loss.ts";
export { preset, presetNames } from "./presets.ts";
export { clipSpec, initClip, type ClipParams } from "./spec.ts";
export {
  averagePrompts,
  fillTemplate,
  probabilities,
  promptsFor,
  sigmoidProbabilities,
} from "./zero-shot.ts";
export { openaiTemplates } from "./templates/openai-templates.ts";
export { simpleTemplates } from "./templates/simple-templates.ts";
