export { scoresOf, type FeatureRows } from "@clip-ts/core";
export { bestMatches, type Match } from "./best-matches.ts";
export {
  rankLabels,
  type Calibration,
  type Classification,
  type LabelRows,
} from "./classification.ts";
export { createClip, defaultTemplates, type Clip, type ClipParts } from "./clip.ts";
export { headsOf, lossOf, type BuiltInClipConfig, type ClipConfig } from "./config.ts";
export type { LossConfig } from "./loss-config.ts";
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
export type { ForwardOptions, PairBatch, PairInputs, SharedInputs } from "./pair-batch.ts";
export { formatClipConfig, parseClipConfig, weightNamesOf } from "./config-files/hugging-face.ts";
export type { OwnTower, ParseOptions } from "./config-files/own-towers.ts";
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
export { chunked } from "./objectives/chunked.ts";
export { contrastive, type ContrastiveOptions } from "./objectives/contrastive.ts";
export { distilled, type Teacher } from "./objectives/distilled.ts";
export { encodePairs, pairInputs, type PairRows } from "./objectives/encode-pairs.ts";
export { multiPositive } from "./objectives/multi-positive.ts";
export type {
  Bounds,
  Compared,
  EncodeOptions,
  Encoded,
  Objective,
  ObjectiveInputs,
  Rows,
} from "./objectives/objective.ts";
export { objectiveOf } from "./objectives/objective-of.ts";
export {
  pairObjective,
  type ClipObjective,
  type PairComparison,
  type PairLoss,
  type PairObjective,
  type PairTerm,
} from "./objectives/pair-objective.ts";
export { sigmoid } from "./objectives/sigmoid.ts";
export { comparePairs, logitsOf, type ComparedPairs, type LogitParams } from "./pair-logits.ts";
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
