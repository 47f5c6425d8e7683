export { flattenTree, mapTree, pickLeaves, unflattenLike, type FlatTree, type ParamTree, type TreeOf } from "./tree.ts";
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
export {
  assertShape,
  axisLength,
  scoresOf,
  dtypeOf,
  toHost,
  toTensor,
  type Axis,
  type FeatureRows,
  type HostArray,
  type HostArrays,
  type HostDtype,
} from "./shape.ts";
export {
  valueAndGradient,
  withGradient,
  withGradientAux,
  type ValueAndGradient,
  type CustomGradient,
  type ValueAndAux,
} from "./gradient.ts";
export { activate, type Activation } from "./activation.ts";
export {
  dotProductAttention,
  embed,
  embeddingSpec,
  l2Normalize,
  layerNorm,
  layerNormSpec,
  linear,
  linearSpec,
  type AttentionChanges,
  type EmbeddingParams,
  type LayerNormParams,
  type NormKind,
  type LinearParams,
} from "./layers.ts";
export {
  batchNorm,
  batchNormGain,
  batchNormSpec,
  batchNormStatisticsSpec,
  batchNormTraining,
  isStatistic,
  type BatchNormOptions,
  type BatchNormParams,
  type BatchNormStatistics,
} from "./batch-norm.ts";
export { barrier, checkpointed, type Checkpointed } from "./checkpointed.ts";
export { depthwiseConv2d, depthwiseConv2dSpec, type DepthwiseOptions } from "./depthwise.ts";
export { averagePool, conv2d, conv2dSpec, patchify, type Conv2dParams } from "./convolution.ts";
export { describeSettings, ownTowerOf, refuseOwnTower, assertPlainData, assertSizes } from "./own-tower.ts";
