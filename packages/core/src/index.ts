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
export { dotProductAttention, type AttentionChanges } from "./layers.ts";
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
export { barrier } from "./checkpointed.ts";
export { checkpointed, type Checkpointed } from "./checkpointed.ts";
export {
  withGradient,
  withGradientAside,
  type CustomGradient,
  type ValueAndAside,
} from "./gradient.ts";
export { averagePool } from "./convolution.ts";
export { conv2d, conv2dSpec, type Conv2dParams } from "./convolution.ts";
export { embed, embeddingSpec, type EmbeddingParams } from "./layers.ts";
export { scoresOf, type FeatureRows } from "./shape.ts";
export { dtypeOf, toHost, toTensor, type HostArray, type HostArrays } from "./shape.ts";
export { l2Normalize } from "./layers.ts";
export { layerNorm, layerNormSpec, type LayerNormParams } from "./layers.ts";
export { linear, linearSpec, type LinearParams } from "./layers.ts";
export { describeSettings, ownTowerOf, refuseOwnTower } from "./own-tower.ts";
export { patchify } from "./convolution.ts";
export { assertPlainData, assertSizes } from "./own-tower.ts";
