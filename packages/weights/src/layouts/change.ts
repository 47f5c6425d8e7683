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

/** JAX's convolution [height, width, in, out] to PyTorch's [out, in, height, width]. */
export const jaxKernel: Change = {
  toCanonical: (shape) => permuted(shape, [3, 2, 0, 1]),
  fromCanonical: (shape) => permuted(shape, [2, 3, 1, 0]),
};

/** How JAX keeps an attention: queries, keys and values, and what leaves it, each split by heads. */
export interface JaxAttention {
  /** Kernel [in, heads, dim per head] to PyTorch's weight [out, in]. */
  readonly input: Change;
  /** Bias [heads, dim per head] to a vector. */
  readonly bias: Change;
  /** Kernel [heads, dim per head, out] to PyTorch's weight [out, in]. */
  readonly output: Change;
}

/** The changes of an attention with so many heads; without their number only JAX's can be read. */
export function jaxAttention(heads: number | undefined): JaxAttention {
  const input = { toCanonical: transposedAfter(1) };
  const output = { toCanonical: transposedAfter(2) };
  const bias = { toCanonical: (shape: Shape): Step => ({ shape: [product(shape)], view: shape }) };
  if (heads === undefined) return { input, bias, output };
  const isSplit = (width: number): boolean => Number.isInteger(width / heads);
  return {
    input: {
      ...input,
      fromCanonical: ([rows = 0, columns = 0]) =>
        isSplit(rows) ? permuted([heads, rows / heads, columns], [2, 0, 1]) : undefined,
    },
    bias: {
      ...bias,
      fromCanonical: ([width = 0]) =>
        isSplit(width) ? { shape: [heads, width / heads], view: [width] } : undefined,
    },
    output: {
      ...output,
      fromCanonical: ([rows = 0, columns = 0]) =>
        isSplit(columns) ? permuted([rows, heads, columns / heads], [1, 2, 0]) : undefined,
    },
  };
}
