export { bytesSource, type ByteSource } from "./byte-source.ts";
export {
  sliceRows,
  type HostTensor,
  type RowRange,
  type SafetensorsDtype,
  type TensorInfo,
} from "./tensor-file.ts";
export { fromFloat32, fromInt32, toFloat32, toInt32, type FloatDtype } from "./values.ts";
export type { TensorFile } from "./tensor-file.ts";
export { openWeights } from "./open-weights.ts";
export { openSafetensors } from "./open-safetensors.ts";
export { openPytorch } from "./pytorch/open-pytorch.ts";
export { openNpz } from "./numpy/npz.ts";
export { streamNpz, type NpzStream } from "./numpy/npz.ts";
export { openSharded } from "./open-weights.ts";
export {
  serializeSafetensors,
  streamSafetensors,
  toBytes,
  type LazyTensor,
  type SafetensorsStream,
  type SerializedSafetensors,
} from "./serialize-safetensors.ts";
export { lazyTensors, readAll } from "./byte-source.ts";
export { detectLayout, type Layout } from "./layouts/layout.ts";
export type { AttentionHeads } from "./layouts/big-vision-rules.ts";
export { convertLayout, convertTensors } from "./layouts/convert-layout.ts";
export type { ConvertOptions } from "./layouts/convert-layout.ts";
export { checkFit, loadHostArrays, loadParams, type LoadOptions } from "./load-params.ts";
export { saveParams, streamParams, type SaveOptions } from "./save-params.ts";
