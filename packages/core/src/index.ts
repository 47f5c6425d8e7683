export {
  flattenTree,
  mapTree,
  pickLeaves,
  unflattenLike,
  type FlatTree,
  type ParamTree,
  type TreeOf,
} from "./tree.ts";
export {
  countParams,
  depthOf,
  initHostParams,
  initParams,
  normal,
  ones,
  param,
  sizeOf,
  uniform,
  withTraits,
  zeros,
  type Initialiser,
  type ParamRole,
  type ParamSpec,
  type ParamTraits,
} from "./spec.ts";
export { assertShape, axisLength, type Axis } from "./shape.ts";
export { valueAndGradient, type ValueAndGradient } from "./gradient.ts";
export { activate, type Activation } from "./activation.ts";
export { dotProductAttention, type AttentionChanges } from "./attention.ts";
export {
  batchNorm,
  batchNormGain,
  batchNormSpec,
  batchNormStatisticsSpec,
  batchNormTraining,
  isStatistic,
  type BatchNormParams,
  type BatchNormStatistics,
} from "./batch-norm.ts";
export { barrier } from "./barrier.ts";
export { checkpointed, type Checkpointed } from "./checkpointed.ts";
export {
  withGradient,
  withGradientAside,
  type CustomGradient,
  type ValueAndAside,
} from "./custom-gradient.ts";
export { averagePool } from "./average-pool.ts";
export { conv2d, conv2dSpec, type Conv2dParams } from "./conv2d.ts";
export { embed, embeddingSpec, type EmbeddingParams } from "./embedding.ts";
export { scoresOf, type FeatureRows } from "./feature-rows.ts";
export { dtypeOf, toHost, toTensor, type HostArray, type HostArrays } from "./host-array.ts";
export { l2Normalize } from "./l2-normalize.ts";
export { layerNorm, layerNormSpec, type LayerNormParams } from "./layer-norm.ts";
export { linear, linearSpec, type LinearParams } from "./linear.ts";
export { describeSettings, ownTowerOf, refuseOwnTower } from "./own-tower.ts";
export { patchify } from "./patchify.ts";
export { assertPlainData, assertSizes } from "./plain-data.ts";
