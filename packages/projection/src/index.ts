export {
  clampLogitScale,
  initialLogitScale,
  initialSigmoidLogitBias,
  initialSigmoidLogitScale,
  logitBiasSpec,
  logitScaleSpec,
  maxLogitScale,
} from "./logit-scale.ts";
export {
  applyHead,
  project,
  projectionSpec,
  type HeadKind,
  type MlpHeadParams,
  type ProjectionParams,
} from "./project.ts";
