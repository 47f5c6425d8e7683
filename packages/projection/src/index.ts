export {
  initialLogitScale,
  initialSigmoidLogitBias,
  initialSigmoidLogitScale,
  logitBiasSpec,
  logitScaleBounds,
  logitScaleSpec,
  maxLogitScale,
} from "./project.ts";
export {
  applyHead,
  project,
  projectionSpec,
  type HeadKind,
  type MlpHeadParams,
  type ProjectionParams,
} from "./project.ts";
