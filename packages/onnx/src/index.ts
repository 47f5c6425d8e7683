export { compileOnnx, onnxTarget, type OnnxOptions, type OnnxRuntime } from "./compile-onnx.ts";
export {
  exportOnnx,
  exportPrecisions,
  type ExportOptions,
  type ExportPrecision,
  type OnnxExport,
  type DataFile,
} from "./export-onnx.ts";
export { writeOnnx } from "./write-onnx.ts";
