import { tensor, type DataType, type Tensor } from "@tensorflow/tfjs-core";

/** Numbers in the host's memory, row by row. Truth values are bytes. */
export interface HostArray {
  readonly data: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
}

/** Arrays by name: the form in which weights are read, kept and written, whatever engine runs. */
export type HostArrays = Readonly<Record<string, HostArray>>;

/** The element type of an array, as tfjs and graphs call it. */
export function dtypeOf({ data }: HostArray): DataType & ("float32" | "int32" | "bool") {
  if (data instanceof Float32Array) return "float32";
  return data instanceof Int32Array ? "int32" : "bool";
}

/** The array as a tensor of the running engine, which the caller owns. */
export function toTensor(array: HostArray): Tensor {
  return tensor(array.data, [...array.shape], dtypeOf(array));
}

/** A tensor's numbers on the host. Borrows the tensor. On tfjs's cpu engine they are the tensor's own. */
export async function toHost(x: Tensor): Promise<HostArray> {
  return { data: await x.data<"float32" | "int32" | "bool">(), shape: [...x.shape] };
}
