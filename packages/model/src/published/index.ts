export { findModel, type FoundModel, type FoundRepository, type FoundWeights } from "./find-model.ts";
export { listModels, modelsWith, type ListedModel } from "./list-models.ts";
export { nearestNames } from "./nearest-names.ts";
export type { Works, WorksInPart } from "./types.ts";
