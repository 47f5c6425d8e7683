export {
  createClip,
  type Classification,
  type Clip,
  type ClipParts,
  type TokenizedTexts,
} from "./clip.ts";
export type { ClipConfig } from "./config.ts";
export { embedImages, embedTexts } from "./embed.ts";
export { forward, type ClipOutput, type PairBatch } from "./forward.ts";
export { formatClipConfig, parseClipConfig } from "./hugging-face.ts";
export { preset, presetNames, type PresetName } from "./presets.ts";
export {
  evaluateRetrieval,
  scoresOf,
  type FeatureRows,
  type RetrievalReport,
  type RetrievalScores,
} from "./retrieval.ts";
export { clipSpec, initClip, type ClipParams } from "./spec.ts";
export { averagePrompts, fillTemplate, probabilities, promptsFor } from "./zero-shot.ts";
