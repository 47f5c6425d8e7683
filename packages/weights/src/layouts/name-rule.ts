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
  return (shape) => permuted([product(shape.slice(0, inputs)), product(shape.slice(inputs))], [1, 0]);
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
      fromCanonical: ([width = 0]) => (isSplit(width) ? { shape: [heads, width / heads], view: [width] } : undefined),
    },
    output: {
      ...output,
      fromCanonical: ([rows = 0, columns = 0]) =>
        isSplit(columns) ? permuted([rows, heads, columns / heads], [1, 2, 0]) : undefined,
    },
  };
}

/**
 * One tensor (or one family of tensors) in two layouts. `{layer}` and `{block}` stand for numbers, `{part}` for
 * `weight` or `bias`, `{rest}` for anything. Where one side is several names, the other side's tensor
 * is these, stacked along the first axis in this order.
 */
export interface NameRule {
  /** Names in the other layout. */
  readonly other: readonly string[];
  /** Names in clip-ts's own parameter tree, which are Hugging Face's where it has the model. */
  readonly canonical: readonly string[];
  readonly change: Change;
  /** Shares of the rows that several names have; equal if absent. */
  readonly shares?: readonly number[];
}

/** The same values under other names; several canonical names are one stacked tensor there. */
export function renamed(other: string, ...canonical: string[]): NameRule {
  return { other: [other], canonical, change: same };
}

/** A matrix that multiplies from the other side there. */
export function transposed(other: string, canonical: string): NameRule {
  return { other: [other], canonical: [canonical], change: transpose };
}

/** A tensor whose shape or order differs. */
export function changed(other: string, canonical: string, change: Change): NameRule {
  return { other: [other], canonical: [canonical], change };
}

/** Weight and bias of a layer under one name each, changed in different ways. */
export function changedPair(
  other: readonly [weight: string, bias: string],
  canonical: string,
  changes: readonly [weight: Change, bias: Change],
): NameRule[] {
  return [changed(other[0], `${canonical}.weight`, changes[0]), changed(other[1], `${canonical}.bias`, changes[1])];
}

/** Queries, keys and values of an attention, which most layouts stack. */
export function attentionInputs(attention: string): readonly [string, string, string] {
  const part = (name: string): string => `${attention}.${name}_proj.{part}`;
  return [part("q"), part("k"), part("v")];
}

const placeholders: Readonly<Record<string, string>> = {
  layer: "(?<layer>\\d+)",
  block: "(?<block>\\d+)",
  part: "(?<part>weight|bias)",
  rest: "(?<rest>.+)",
};

const compiled = new Map<string, RegExp>();

/** The names of a pattern, as an expression that is made once. */
function expressionOf(pattern: string): RegExp {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const source = pattern.replaceAll(".", "\\.").replaceAll(/\{(\w+)\}/g, (_, key: string) => placeholders[key] ?? "");
  const expression = new RegExp(`^${source}$`);
  compiled.set(pattern, expression);
  return expression;
}

/** `name` rewritten from one pattern to another, or undefined where `from` does not match. */
export function rewrite(name: string, from: string, to: string): string | undefined {
  const groups = expressionOf(from).exec(name);
  if (groups === null) return undefined;
  return to.replaceAll(/\{(\w+)\}/g, (_, key: string) => groups.groups?.[key] ?? "");
}
