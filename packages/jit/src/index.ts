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
export { checkArray } from "./program/check-array.ts";
export { disposableFunction } from "./program/disposed.ts";
export {
  createDriver,
  type DriveOptions,
  type Driver,
  type Exchange,
} from "./program/drive-step.ts";
export { loadEager } from "./program/eager-program.ts";
export { flatLoader } from "./program/flat-program.ts";
export { isFiniteStep } from "./program/guard.ts";
export { dtypeOf, type HostArray, type HostArrays } from "@clip-ts/core";
export { interpretTarget } from "./program/interpret-target.ts";
export type { LeafSettings } from "./program/leaf-layout.ts";
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
