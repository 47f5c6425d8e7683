export {
  clampLogitScale,
  initialLogitScale,
  logitScaleSpec,
  maxLogitScale,
} from "./logit-scale.ts";
export { project, projectionSpec, type ProjectionParams } from "./project.ts";
