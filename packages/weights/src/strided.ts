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
export function gatherStrided(
  bytes: Uint8Array,
  { shape, strides, size }: StridedView,
): Uint8Array {
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
