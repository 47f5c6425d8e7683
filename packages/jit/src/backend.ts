// For those who write a backend: what one needs to change graphs, to read open sizes and to run training steps.
export type { Kind, Traits } from "./ir/operation.ts";
export { axesOf } from "./ir/axes.ts";
export { allOps, axesAttribute, operationOf, type OpOf } from "./ir/ops.ts";
export {
  describeSide,
  isOpen,
  sizeOfSide,
  sourceOf,
  type Size,
  type SymbolSource,
} from "./ir/symbols.ts";
export { convolutionWindows, poolWindows, type Windows } from "./ir/windows.ts";
export { removeDeadCode } from "./passes/remove-dead-code.ts";
export {
  resultOf,
  rewrite,
  sameShape,
  sizeOf,
  type Rewriter,
  type Rule,
  type ValueType,
} from "./passes/rewrite.ts";
export { disposableTraining } from "./program/disposed.ts";
export { numbersOf, scalarsOf, specsOf, under } from "./program/gradient-pass.ts";
export { layOutRows, type MicroBatchRows } from "./program/micro-batch-rows.ts";
export { microBatchesOf } from "./program/micro-batches.ts";
export { prefixed, shapesKey } from "./program/names.ts";
export { traceCompare, traceEncode, tracePullBack } from "./program/trace-accumulated.ts";
export { withoutData } from "./program/without-data.ts";
