import { ClipError } from "@clip-ts/base";
import { readExactly, type ByteSource } from "../byte-source.ts";
import { dtypeBytes, sliceRows, type HostTensor, type RowRange } from "../host-tensor.ts";
import { gatherStrided, rowMajorStrides } from "../strided.ts";
import { StoredTensor } from "./stored-tensor.ts";

function elements(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Whether the values lie in row-major order; the strides of axes of length 1 do not matter. */
function isContiguous({ shape, strides }: StoredTensor): boolean {
  const expected = rowMajorStrides(shape);
  return shape.every((side, axis) => side === 1 || strides[axis] === expected[axis]);
}

/** Values from the tensor's first to its last, gaps included. */
function reach({ shape, strides }: StoredTensor): number {
  if (elements(shape) === 0) return 0;
  return shape.reduce((last, side, axis) => last + (side - 1) * (strides[axis] ?? 0), 0) + 1;
}

/**
 * Holds a tensor against the storage that it claims to be a view of.
 * @throws ClipError "bad-weights" where it reaches beyond, or repeats values (as an expanded tensor
 * does, whose size would then know no bounds).
 */
export function checkStoredTensor(name: string, tensor: StoredTensor, storedBytes: number): void {
  const { storage, offset, shape, strides } = tensor;
  const bytes = storage.count * dtypeBytes(storage.dtype);
  const fits = offset + reach(tensor) <= storage.count && elements(shape) <= storage.count;
  if (fits && bytes <= storedBytes) return;
  throw new ClipError(
    "bad-weights",
    `${name}: [${shape.join(", ")}] with strides [${strides.join(", ")}] from ${offset} does not fit ` +
      `its storage of ${storage.count} ${storage.dtype} values in ${storedBytes} bytes.`,
    { data: { name, shape, strides, offset, count: storage.count, storedBytes } },
  );
}

/** Rows of a tensor, as a view of the same storage. */
function rowsOf(tensor: StoredTensor, [start, end]: RowRange): StoredTensor {
  return new StoredTensor(tensor.storage, {
    offset: tensor.offset + start * (tensor.strides[0] ?? 0),
    shape: [end - start, ...tensor.shape.slice(1)],
    strides: tensor.strides,
  });
}

/** Reads a tensor, or its rows, from its storage: only the bytes from its first value to its last. */
export async function readStoredTensor(
  source: ByteSource,
  tensor: StoredTensor,
  { rows, label }: { readonly rows?: RowRange | undefined; readonly label: string },
): Promise<HostTensor> {
  const { storage, shape } = tensor;
  if (rows !== undefined) {
    sliceRows({ dtype: "U8", shape: shape.slice(0, 1), bytes: new Uint8Array() }, rows); // checks
    return readStoredTensor(source, rowsOf(tensor, rows), { label });
  }
  const size = dtypeBytes(storage.dtype);
  const range = { offset: tensor.offset * size, length: reach(tensor) * size };
  const span = await readExactly(source, range, label);
  const bytes = isContiguous(tensor)
    ? span
    : gatherStrided(span, { shape, strides: tensor.strides, size });
  return { dtype: storage.dtype, shape, bytes };
}
