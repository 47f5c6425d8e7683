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
export { cutGraph, type CutGraph } from "./passes/cut-graph.ts";
export { removeDeadCode } from "./passes/remove-dead-code.ts";
export {
  resultOf,
  rewrite,
  sameShape,
  type Rewriter,
  type Rule,
  type ValueType,
} from "./passes/rewrite.ts";
export {
  batchShapes,
  numbersOf,
  rowCount,
  scalarArray,
  shapesOf,
  specsOf,
} from "./program/batch.ts";
export { guarded } from "./program/guard.ts";
export { gradientLength, moveLeaf } from "./program/move-leaf.ts";
export { flattenNames, nestNames, replacements, type NameTree } from "./program/names.ts";
export { programOf, shapeOfLeaf } from "./program/program.ts";
export {
  compareTrace,
  encodeAndPullBackTrace,
  encodeTrace,
  gradientsOf,
  learning,
  pullBackTrace,
  type LeafSpecs,
  type StepSource,
} from "./program/step-traces.ts";
export { traceable, type AnyTraceable, type Traceable } from "./program/tree-function.ts";
export { traceTree } from "./trace/trace.ts";
