import type { TensorProto } from "./generated/onnx_pb.ts";

/** The numbers of a float tensor, without copying them if they lie on a multiple of four bytes. */
export function floatsOf({ rawData }: TensorProto): Float32Array {
  const isAligned = rawData.byteOffset % 4 === 0;
  const bytes = isAligned ? rawData : rawData.slice();
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
