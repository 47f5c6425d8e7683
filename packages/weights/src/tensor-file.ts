import { ClipError } from "@clip-ts/base";
import type { HostTensor, RowRange, TensorInfo } from "./host-tensor.ts";

/** Tensors by name, read one at a time: a file of any format, several shards, or a renamed view. */
export interface TensorFile {
  /** What errors call it. */
  readonly label: string;
  /** Free text about the file, such as `{ format: "pt" }`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Tensor names in stored order. */
  readonly names: readonly string[];
  /** Dtype, shape and size of a tensor, without reading it. */
  describe(name: string): TensorInfo & { readonly byteLength: number };
  /** One tensor, or only its rows `[start, end)` along the first axis. */
  read(name: string, rows?: RowRange): Promise<HostTensor>;
}

/** The error for a name that a file does not have. */
export function noSuchTensor(label: string, name: string): ClipError {
  return new ClipError("bad-weights", `${label} has no tensor "${name}".`, {
    data: { label, name },
  });
}

/** Looks a name up, or throws the error for a name that is not there. */
export function finder<Value>(
  values: ReadonlyMap<string, Value>,
  label: string,
): (name: string) => Value {
  return (name) => {
    const value = values.get(name);
    if (value === undefined) throw noSuchTensor(label, name);
    return value;
  };
}
