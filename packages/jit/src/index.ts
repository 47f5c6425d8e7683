export { bindInputs, interpret } from "./ir/interpret.ts";
export {
  formatGraph,
  type Attributes,
  type Constant,
  type Dtype,
  type Graph,
  type NamedValue,
  type Node,
  type PlainData,
  type Value,
  type SymbolicSize,
  type TensorDtype,
} from "./ir/graph.ts";
export { kernelInputs, type Op } from "./ir/ops.ts";
export { lastUses, peakBytes } from "./passes/liveness.ts";
export { optimize, watchGraphs, type OptimizeOptions, type Pass, type GraphWatcher } from "./passes/optimize.ts";
export { trace, type InputSpec, type NamedTensors, type SpecTree, type TensorsOf } from "./trace/trace.ts";
export { traceSymbolic, type SymbolicInputSpec, type SymbolicOptions } from "./trace/trace-symbolic.ts";
export { rowsAt, checkArray, type StepBatch } from "./program/batch.ts";
export {
  disposableFunction,
  interpretTarget,
  type CompiledFunction,
  type GraphUse,
  type Target,
} from "./program/target.ts";
export { createDriver, type DriveOptions, type Driver } from "./program/drive-step.ts";
export { localLossPairs, type LocalOptions } from "./program/local-comparison.ts";
export type { Exchange, ToldNumbers } from "./program/exchange.ts";
export { loadEager } from "./program/eager-program.ts";
export { flatLoader } from "./program/flat-program.ts";
export {
  isFiniteStep,
  type GradientParts,
  type Gradients,
  type LeafRule,
  type LeafStep,
  type ScalarValue,
  type StepFunctions,
} from "./program/step-functions.ts";
export { dtypeOf, type HostArray, type HostArrays } from "@clip-ts/core";
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
export { compileTree, type TreeFunction } from "./program/tree-function.ts";
