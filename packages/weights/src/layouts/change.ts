/** How a tensor's values move: seen in the shape `view`, its axes are put in another order. */
export interface Step {
  /** The result's shape. */
  readonly shape: readonly number[];
  readonly view: readonly number[];
  /** Which axis of `view` becomes each axis of the result; absent: the values stay in their order. */
  readonly axes?: readonly number[];
}

/** A change of shape and order between two layouts; undefined where the shape is none that it takes. */
export interface Change {
  readonly toCanonical: (shape: readonly number[]) => Step | undefined;
  /** Absent where the way back needs more than the shape. */
  readonly fromCanonical?: (shape: readonly number[]) => Step | undefined;
}

type Shape = readonly number[];

const product = (shape: Shape): number => shape.reduce((total, side) => total * side, 1);

function permuted(view: Shape, axes: readonly number[]): Step | undefined {
  if (view.length !== axes.length) return undefined;
  return { view, axes, shape: axes.map((axis) => view[axis] ?? 0) };
}

/** A matrix, its first `inputs` axes together and the rest together, transposed. */
function transposedAfter(inputs: number): (shape: Shape) => Step | undefined {
  return (shape) =>
    permuted([product(shape.slice(0, inputs)), product(shape.slice(inputs))], [1, 0]);
}

const keep = (shape: Shape): Step => ({ shape, view: shape });
const transposeMatrix = (shape: Shape): Step | undefined => permuted(shape, [1, 0]);

/** Nothing changes. */
export const same: Change = { toCanonical: keep, fromCanonical: keep };

/** A matrix that multiplies from the other side. */
export const transpose: Change = { toCanonical: transposeMatrix, fromCanonical: transposeMatrix };

/** The other layout has `count` axes of length 1 in front. */
export function squeeze(count: number): Change {
  const ones = Array.from({ length: count }, () => 1);
  return {
    toCanonical: (shape) =>
      shape.slice(0, count).every((side) => side === 1) && shape.length > count
        ? { shape: shape.slice(count), view: shape }
        : undefined,
    fromCanonical: (shape) => ({ shape: [...ones, ...shape], view: shape }),
  };
}

/** A number that stands alone in the other layout and in a list of one here. */
export const numberToList: Change = {
  toCanonical: (shape) => (product(shape) === 1 ? { shape: [1], view: shape } : undefined),
  fromCanonical: (shape) => (product(shape) === 1 ? { shape: [], view: shape } : undefined),
};

/** JAX's convolution [height, width, in, out] to PyTorch's [out, in, height, width]. */
export const jaxKernel: Change = {
  toCanonical: (shape) => permuted(shape, [3, 2, 0, 1]),
  fromCanonical: (shape) => permuted(shape, [2, 3, 1, 0]),
};

/** JAX's dense layer [in, out], its outputs perhaps split by heads, to PyTorch's [out, in]. */
export const jaxDense: Change = { toCanonical: transposedAfter(1) };

/** JAX's output of an attention [heads, dim per head, out] to PyTorch's [out, in]. */
export const jaxAttentionOutput: Change = { toCanonical: transposedAfter(2) };

/** A bias split by heads to a vector. */
export const flatten: Change = {
  toCanonical: (shape) => ({ shape: [product(shape)], view: shape }),
};
