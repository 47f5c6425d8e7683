export { bytesSource, lazyTensors, readAll, type ByteSource } from "./byte-source.ts";
export {
  sliceRows,
  type HostTensor,
  type RowRange,
  type SafetensorsDtype,
  type TensorInfo,
  type TensorFile,
} from "./tensor-file.ts";
export { fromFloat32, fromInt32, toFloat32, toInt32, type FloatDtype } from "./values.ts";
export { openWeights, openSharded } from "./open-weights.ts";
export { openSafetensors } from "./open-safetensors.ts";
export { openPytorch } from "./pytorch/open-pytorch.ts";
export { openNpz, streamNpz, type NpzStream } from "./numpy/npz.ts";
export {
  serializeSafetensors,
  streamSafetensors,
  toBytes,
  type LazyTensor,
  type SafetensorsStream,
  type SerializedSafetensors,
} from "./serialize-safetensors.ts";
export { detectLayout, type Layout } from "./layouts/layout.ts";
export type { AttentionHeads } from "./layouts/big-vision-rules.ts";
export { convertLayout, convertTensors, type ConvertOptions } from "./layouts/convert-layout.ts";
export { withUnlearnt } from "./layouts/unlearnt.ts";
export {
  checkFit,
  loadHostArrays,
  loadParams,
  saveParams,
  streamParams,
  type LoadOptions,
  type SaveOptions,
} from "./params.ts";
