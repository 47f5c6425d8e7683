import { ClipError } from "@clip-ts/base";

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
export function finder<Value>(values: ReadonlyMap<string, Value>, label: string): (name: string) => Value {
  return (name) => {
    const value = values.get(name);
    if (value === undefined) throw noSuchTensor(label, name);
    return value;
  };
}

/** Values of a tensor within bytes: value i, j, … is the (i·strides[0] + j·strides[1] + …)-th. */
export interface StridedView {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** Bytes of one value. */
  readonly size: number;
}

/** Values, not bytes, from one row to the next along each axis, when rows lie one after another. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] ?? 1) * (shape[axis + 1] ?? 1);
  }
  return strides;
}

/** The view's values in row-major order. */
export function gatherStrided(bytes: Uint8Array, { shape, strides, size }: StridedView): Uint8Array {
  const result = new Uint8Array(shape.reduce((product, side) => product * side, size));
  if (result.byteLength === 0) return result; // an empty side, behind others of any length
  let position = 0;
  const copy = (from: number): void => {
    for (let byte = 0; byte < size; byte++) result[position++] = bytes[from + byte] ?? 0;
  };
  const visit = (axis: number, from: number): void => {
    const side = shape[axis] ?? 0;
    const step = (strides[axis] ?? 0) * size;
    for (let index = 0; index < side; index++) {
      if (axis === shape.length - 1) copy(from + index * step);
      else visit(axis + 1, from + index * step);
    }
  };
  if (shape.length === 0) copy(0);
  else visit(0, 0);
  return result;
}

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
export function rowBytes(info: TensorInfo, [start, end]: RowRange): { offset: number; length: number } {
  const rows = info.shape[0] ?? 0;
  if (!(start >= 0 && start <= end && end <= rows)) {
    throw new ClipError("bad-argument", `Expected rows within 0 to ${rows}, got ${start} to ${end}.`);
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
