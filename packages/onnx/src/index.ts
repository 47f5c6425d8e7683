export { compileOnnx, onnxTarget, type OnnxOptions, type OnnxRuntime } from "./compile-onnx.ts";
export { exportOnnx, type ExportOptions, type OnnxExport, type DataFile } from "./export-onnx.ts";
export { weightsDtypes, writeNarrowOnnx, type NarrowArithmetic, type WeightsDtype } from "./stored-weights.ts";
export {
  onnxGraphs,
  type GraphFile,
  type GraphInput,
  type GraphOutput,
  type OpenedGraph,
  type OpenGraph,
} from "./open-graph.ts";
export { writeOnnx } from "./write-onnx.ts";
