export { scoresOf, type FeatureRows } from "@clip-ts/core";
export { bestMatches, type Match } from "./classification.ts";
export {
  rankLabels,
  type Calibration,
  type Classification,
  type LabelRows,
} from "./classification.ts";
export { createClip, defaultTemplates, type Clip, type ClipParts } from "./clip.ts";
export { headsOf, lossOf, type BuiltInClipConfig, type ClipConfig } from "./config.ts";
export type { LossConfig } from "./config.ts";
export { embedImages, embedTexts, imageSide, textSide, type EncodedSide } from "./embed.ts";
export { eagerEmbedder, embedderDisposed, type Embedder, type TokenizedTexts } from "./embed.ts";
export { embedLabels } from "./classification.ts";
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
export { lossGradients, type LossGradients } from "./forward-details.ts";
export type { ForwardOptions, PairBatch, PairInputs, SharedInputs } from "./pairs.ts";
export { formatClipConfig, parseClipConfig, weightNamesOf } from "./config-files/hugging-face.ts";
export type { OwnTower, ParseOptions } from "./config-files/own-towers.ts";
export { ownFormatReason } from "./config-files/hugging-face.ts";
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
export { inferTowerConfig } from "./infer/infer-clip-config.ts";
export { inferClipConfig } from "./infer/infer-clip-config.ts";
export type { InferOptions, PerTower } from "./infer/shapes.ts";
export type { TensorShapes } from "./infer/shapes.ts";
export { chunked } from "./objectives/objectives.ts";
export { contrastive, type ContrastiveOptions } from "./objectives/objectives.ts";
export { distilled, type Teacher } from "./objectives/objectives.ts";
export { encodePairs, pairInputs, type PairRows } from "./objectives/pair-objective.ts";
export { multiPositive } from "./objectives/objectives.ts";
export type {
  Bounds,
  Compared,
  EncodeOptions,
  Encoded,
  Objective,
  ObjectiveInputs,
  Rows,
} from "./objectives/objective.ts";
export { objectiveOf } from "./objectives/objectives.ts";
export {
  pairObjective,
  type ClipObjective,
  type PairComparison,
  type PairLoss,
  type PairObjective,
  type PairTerm,
} from "./objectives/pair-objective.ts";
export { sigmoid } from "./objectives/objectives.ts";
export { comparePairs, logitsOf, type ComparedPairs, type LogitParams } from "./pairs.ts";
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
export { simpleTemplates } from "./zero-shot.ts";
