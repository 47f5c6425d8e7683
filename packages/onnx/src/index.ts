export { compileOnnx, onnxTarget, type OnnxOptions, type OnnxRuntime } from "./compile-onnx.ts";
export { exportOnnx, type ExportOptions, type OnnxExport, type DataFile } from "./export-onnx.ts";
export { weightsDtypes, type WeightsDtype } from "@clip-ts/base";
export { writeNarrowOnnx, type NarrowArithmetic } from "./stored-weights.ts";
export {
  onnxGraphs,
  type GraphFile,
  type GraphInput,
  type GraphOutput,
  type OpenedGraph,
  type OpenGraph,
} from "./open-graph.ts";
export { writeOnnx } from "./write-onnx.ts";
