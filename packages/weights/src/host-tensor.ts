import { ClipError } from "@clip-ts/base";

/** Bytes per value of every supported dtype, in the order in which files store them. */
const bytesPerValue = {
  I64: 8,
  F64: 8,
  F32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

/** Number formats of safetensors that clip-ts reads and writes. */
export type SafetensorsDtype = keyof typeof bytesPerValue;

/** Every supported dtype, in the order in which a safetensors file stores its tensors. */
export const dtypes: readonly SafetensorsDtype[] = Object.keys(bytesPerValue) as SafetensorsDtype[];

/** What is known of a stored tensor before its values are read. */
export interface TensorInfo {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
}

/** A tensor in plain memory: values in row-major order, little-endian, exactly as in the file. */
export interface HostTensor extends TensorInfo {
  readonly bytes: Uint8Array;
}

/** Rows `[start, end)` along the first axis. */
export type RowRange = readonly [start: number, end: number];

/** True for the name of a supported dtype. */
export function isDtype(name: unknown): name is SafetensorsDtype {
  return typeof name === "string" && Object.hasOwn(bytesPerValue, name);
}

/** Bytes of one value. */
export function dtypeBytes(dtype: SafetensorsDtype): number {
  return bytesPerValue[dtype];
}

/** Axes of a shape; PyTorch and NumPy allow twice as many, and no model has more than five. */
const mostAxes = 32;

/**
 * Whether a list is a shape whose tensor could exist: whole sides, not too many, and a size in bytes that
 * numbers can count even where an empty side makes it nothing.
 */
export function isShape(value: unknown, bytes = 8): value is readonly number[] {
  if (!Array.isArray(value) || value.length > mostAxes) return false;
  const sides = value as readonly unknown[];
  if (!sides.every((side) => Number.isSafeInteger(side) && (side as number) >= 0)) return false;
  return Number.isSafeInteger(
    (sides as readonly number[]).reduce((product, side) => product * Math.max(side, 1), bytes),
  );
}

/** Bytes of all values; `NaN` or beyond the safe integers when the shape is not a shape. */
export function byteLengthOf({ dtype, shape }: TensorInfo): number {
  return shape.reduce((product, side) => product * side, bytesPerValue[dtype]);
}

/** Where rows `[start, end)` lie within a tensor's bytes. */
export function rowBytes(
  info: TensorInfo,
  [start, end]: RowRange,
): { offset: number; length: number } {
  const rows = info.shape[0] ?? 0;
  if (!(start >= 0 && start <= end && end <= rows)) {
    throw new ClipError(
      "bad-argument",
      `Expected rows within 0 to ${rows}, got ${start} to ${end}.`,
    );
  }
  const bytesPerRow = rows === 0 ? 0 : byteLengthOf(info) / rows;
  return { offset: start * bytesPerRow, length: (end - start) * bytesPerRow };
}

/** The rows `[start, end)` of a tensor, as a view of its bytes. */
export function sliceRows(tensor: HostTensor, rows: RowRange): HostTensor {
  const { offset, length } = rowBytes(tensor, rows);
  return {
    dtype: tensor.dtype,
    shape: [rows[1] - rows[0], ...tensor.shape.slice(1)],
    bytes: tensor.bytes.subarray(offset, offset + length),
  };
}

/** Throws unless there are exactly as many bytes as dtype and shape ask for. */
export function assertWhole(name: string, tensor: HostTensor): void {
  const expected = byteLengthOf(tensor);
  if (tensor.bytes.byteLength === expected) return;
  throw new ClipError(
    "bad-weights",
    `${name}: ${tensor.dtype} [${tensor.shape.join(", ")}] takes ${expected} bytes, but ${tensor.bytes.byteLength} were given.`,
    { data: { name, expected, found: tensor.bytes.byteLength } },
  );
}
