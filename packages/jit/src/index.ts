export { bindInputs } from "./ir/interpret.ts";
export { formatGraph } from "./ir/graph.ts";
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
export { kernelInputs } from "./ir/ops.ts";
export type { Op } from "./ir/ops.ts";
export { lastUses, peakBytes } from "./passes/liveness.ts";
export { optimize, type OptimizeOptions, type Pass } from "./passes/optimize.ts";
export { watchGraphs, type GraphWatcher } from "./passes/optimize.ts";
export {
  trace,
  type InputSpec,
  type NamedTensors,
  type SpecTree,
  type TensorsOf,
} from "./trace/trace.ts";
export {
  traceSymbolic,
  type SymbolicInputSpec,
  type SymbolicOptions,
} from "./trace/trace-symbolic.ts";
export { rowsAt, type StepBatch } from "./program/batch.ts";
export { checkArray } from "./program/batch.ts";
export { disposableFunction } from "./program/target.ts";
export {
  createDriver,
  type DriveOptions,
  type Driver,
  type Exchange,
} from "./program/drive-step.ts";
export { loadEager } from "./program/eager-program.ts";
export { flatLoader } from "./program/flat-program.ts";
export { isFiniteStep } from "./program/step-functions.ts";
export { dtypeOf, type HostArray, type HostArrays } from "@clip-ts/core";
export { interpretTarget } from "./program/target.ts";
export type { LeafSettings } from "./program/flat-state.ts";
export type {
  LoadOptions,
  LoadProgram,
  Numbers,
  Preparation,
  Program,
  ProgramState,
  StartingState,
  StepCall,
  StepCalls,
  StepHandlers,
} from "./program/program.ts";
export type {
  GradientParts,
  Gradients,
  LeafRule,
  LeafStep,
  ScalarValue,
  StepFunctions,
} from "./program/step-functions.ts";
export { compileTree, type TreeFunction } from "./program/tree-function.ts";
export type { CompiledFunction, GraphUse, Target } from "./program/target.ts";
