import type { Value } from "../ir/graph.ts";

/** Numbers in the host's memory, row by row. Truth values are bytes. */
export interface HostArray {
  readonly data: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
}

/** Arrays by name. */
export type HostArrays = Readonly<Record<string, HostArray>>;

/** The element type of an array, as graphs call it. */
export function dtypeOf({ data }: HostArray): Value["dtype"] {
  if (data instanceof Float32Array) return "float32";
  return data instanceof Int32Array ? "int32" : "bool";
}
