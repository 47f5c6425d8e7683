// For those who write a backend: what one needs to change graphs, to read open sizes and to run training steps.
export type { Kind, Traits } from "./ir/ops.ts";
export { axesOf } from "./ir/shapes.ts";
export { allOps, axesAttribute, operationOf, type OpOf } from "./ir/ops.ts";
export { describeSide, isOpen, sizeOfSide, sourceOf, type Size, type SymbolSource } from "./ir/graph.ts";
export { convolutionWindows, depthwiseWindows, poolWindows, type Windows } from "./ir/windows.ts";
export { cutGraph, splitGraph, type CutGraph } from "./passes/cut-graph.ts";
export { removeDeadCode } from "./passes/liveness.ts";
export { resultOf, rewrite, sameShape, type Rewriter, type Rule, type ValueType } from "./passes/rewrite.ts";
export { batchShapes, numbersOf, rowCount, scalarArray, shapesOf, specsOf } from "./program/batch.ts";
export { guarded } from "./program/step-functions.ts";
export { gradientLength, moveLeaf, slotShapeOf } from "./program/step-functions.ts";
export { flattenNames, nestNames, replacements, type NameTree } from "./trace/trace.ts";
export { programOf, shapeOfLeaf } from "./program/program.ts";
export {
  compareTrace,
  encodeAndPullBackTrace,
  encodeTrace,
  gradientsOf,
  learning,
  pullBackTrace,
  rowSpecs,
  slopesTrace,
  sumsTrace,
  type LeafSpecs,
  type StepSource,
} from "./program/step-traces.ts";
export { traceable, type AnyTraceable, type Traceable } from "./program/tree-function.ts";
export { traceTree } from "./trace/trace.ts";
