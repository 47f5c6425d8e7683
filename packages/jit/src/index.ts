export { bindInputs } from "./ir/bind-inputs.ts";
export { formatGraph } from "./ir/format-graph.ts";
export type {
  Attributes,
  Constant,
  Dtype,
  Graph,
  NamedValue,
  Node,
  PlainData,
  Value,
} from "./ir/graph.ts";
export type { SymbolicSize } from "./ir/graph.ts";
export { interpret } from "./ir/interpret.ts";
export { kernelInputs } from "./ir/operands.ts";
export type { Op } from "./ir/ops.ts";
export { lastUses, peakBytes } from "./passes/liveness.ts";
export { optimize, type OptimizeOptions, type Pass } from "./passes/optimize.ts";
export { watchGraphs, type GraphWatcher } from "./passes/watch-graphs.ts";
export { trace, type InputSpec, type NamedTensors } from "./trace/trace.ts";
export {
  traceSymbolic,
  type SymbolicInputSpec,
  type SymbolicOptions,
} from "./trace/trace-symbolic.ts";
export { checkArray } from "./program/check-array.ts";
export { compileTraining } from "./program/compile-training.ts";
export { disposableFunction } from "./program/disposed.ts";
export { dtypeOf, type HostArray, type HostArrays } from "@clip-ts/core";
export { interpretTarget } from "./program/interpret-target.ts";
export type { LeafSettings } from "./program/leaf-layout.ts";
export type { CompiledFunction, GraphUse, Target } from "./program/target.ts";
export type {
  AccumulatedGradient,
  Gradients,
  LeafStep,
  TrainingProgram,
  TrainingSpec,
  TrainingState,
} from "./program/training-spec.ts";
