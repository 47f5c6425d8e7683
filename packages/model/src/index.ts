export { scoresOf, type FeatureRows } from "@clip-ts/core";
export {
  bestMatches,
  rankLabels,
  embedLabels,
  type Match,
  type Calibration,
  type Classification,
  type LabelRows,
} from "./classification.ts";
export { createClip, defaultTemplates, type Clip, type ClipParts } from "./clip.ts";
export { headsOf, lossOf, type BuiltInClipConfig, type ClipConfig, type LossConfig } from "./config.ts";
export {
  embedImages,
  embedTexts,
  imageSide,
  textSide,
  eagerEmbedder,
  embedderDisposed,
  type EncodedSide,
  type Embedder,
  type TokenizedTexts,
} from "./embed.ts";
export {
  embedReadable,
  type AnyIterable,
  type EmbedReadableOptions,
  type ImageJob,
  type ReadableFeatures,
  type SkippedJob,
} from "./embed-readable.ts";
export { checkLimits, imageBatches, type AskedLimits, type BatchLimits, type ImageBatch } from "./image-batches.ts";
export {
  forwardDetails,
  lossGradients,
  forward,
  type ForwardDetails,
  type LossGradients,
  type ClipOutput,
} from "./forward.ts";
export {
  comparePairs,
  logitsOf,
  type ForwardOptions,
  type PairBatch,
  type PairInputs,
  type SharedInputs,
  type ComparedPairs,
  type LogitParams,
} from "./pairs.ts";
export { formatClipConfig, parseClipConfig, weightNamesOf, ownFormatReason } from "./config-files/hugging-face.ts";
export type { OwnTower, ParseOptions } from "./config-files/own-towers.ts";
export { assertBigVision, assertTorchvision, formatRobertaConfig } from "./config-files/other-libraries.ts";
export { formatOpenClipConfig, isOpenClipConfig, parseOpenClipConfig } from "./config-files/open-clip.ts";
export { unusedDropout, type UnusedSetting } from "./config-files/unused-dropout.ts";
export { formatTorchvisionConfig, parseTowerConfig, type TowerConfig } from "./config-files/tower-alone.ts";
export { inferTowerConfig, inferClipConfig } from "./infer/infer-clip-config.ts";
export type { InferOptions, PerTower, TensorShapes } from "./infer/shapes.ts";
export {
  chunked,
  contrastive,
  distilled,
  multiPositive,
  objectiveOf,
  sigmoid,
  type ContrastiveOptions,
  type Teacher,
} from "./objectives/objectives.ts";
export {
  encodePairs,
  pairInputs,
  pairObjective,
  type PairRows,
  type ClipObjective,
  type PairComparison,
  type PairLoss,
  type PairObjective,
  type PairTerm,
} from "./objectives/pair-objective.ts";
export type {
  Bounds,
  Compared,
  EncodeOptions,
  Encoded,
  LocalComparison,
  Objective,
  ObjectiveInputs,
  RankRows,
  Rows,
} from "./objectives/objective.ts";
export { preset, presetNames } from "./presets.ts";
export {
  towerPreset,
  towerPresetNames,
  type NaflexTowerName,
  type TextTowerName,
  type VisionTowerName,
} from "./presets/towers.ts";
export { clipSpec, initClip, type ClipParams } from "./spec.ts";
export {
  averagePrompts,
  fillTemplate,
  probabilities,
  promptsFor,
  sigmoidProbabilities,
  simpleTemplates,
} from "./zero-shot.ts";
export { openaiTemplates } from "./templates/openai-templates.ts";
