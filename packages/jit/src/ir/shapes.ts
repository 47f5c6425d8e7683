import { ClipError } from "@clip-ts/base";
import { sizeOf } from "@clip-ts/core";
import { backend_util, broadcast_util } from "@tensorflow/tfjs-core";
import type { Dtype, PlainData, TensorDtype } from "./graph.ts";
import type { Described, ShapeRule } from "./ops.ts";

/** Axes counted from the front; none named are all of `rank`. */
export function axesOf(given: PlainData, rank: number): number[] {
  if (given == null) return Array.from({ length: rank }, (_, axis) => axis);
  const list = Array.isArray(given) ? (given as readonly number[]) : [given as number];
  return list.map((axis) => (axis < 0 ? axis + rank : axis));
}

const only = (inputs: Readonly<Record<string, Described>>): Described => Object.values(inputs)[0] as Described;

/** Same shape and type as the first input. */
export const same: ShapeRule = (inputs) => only(inputs);

/** Elementwise over two operands that broadcast. */
export const broadcast: ShapeRule = ({ a, b }) => {
  const [left, right] = [a as Described, b as Described];
  const shape = broadcast_util.assertAndGetBroadcastShape([...left.shape], [...right.shape]);
  return { shape, dtype: left.dtype };
};

/** A comparison of two operands that broadcast. */
export const compare: ShapeRule = (inputs, attributes) => {
  const { shape } = broadcast(inputs, attributes) as Described;
  return { shape, dtype: "bool" };
};

/** A reduction over the axes in the named attribute. */
export function reduce(attribute: string, dtype?: Dtype): ShapeRule {
  return (inputs, attributes) => {
    const x = only(inputs);
    const axes = axesOf(attributes[attribute], x.shape.length);
    const keepDims = attributes["keepDims"] === true;
    const shape = keepDims
      ? x.shape.map((side, axis) => (axes.includes(axis) ? 1 : side))
      : x.shape.filter((_, axis) => !axes.includes(axis));
    return { shape, dtype: dtype ?? x.dtype };
  };
}

/** The shape stands in the named attribute. */
export function shapeFrom(attribute: string): ShapeRule {
  return (inputs, attributes) => ({
    shape: attributes[attribute] as readonly number[],
    dtype: (inputs["updates"] ?? only(inputs)).dtype,
  });
}

export const matMulShape: ShapeRule = ({ a, b }, { transposeA, transposeB }) => {
  const [left, right] = [(a as Described).shape, (b as Described).shape];
  const rows = left.at(transposeA ? -1 : -2) as number;
  const columns = right.at(transposeB ? -2 : -1) as number;
  const inner = [left.at(transposeA ? -2 : -1), right.at(transposeB ? -1 : -2)];
  if (inner[0] !== inner[1]) {
    throw new ClipError(
      "bad-shape",
      `matMul: the inner sides ${inner.join(" and ")} of [${left.join(", ")}] and [${right.join(", ")}] differ.`,
    );
  }
  const outer = broadcast_util.assertAndGetBroadcastShape(left.slice(0, -2), right.slice(0, -2));
  return { shape: [...outer, rows, columns], dtype: "float32" };
};

export const transposeShape: ShapeRule = ({ x }, { perm }) => ({
  shape: (perm as number[]).map((axis) => (x as Described).shape[axis] as number),
  dtype: (x as Described).dtype,
});

export const concatShape: ShapeRule = (inputs, { axis }) => {
  const parts = Object.values(inputs);
  const first = only(inputs);
  const [along] = axesOf(axis, first.shape.length) as [number];
  const length = parts.reduce((sum, part) => sum + (part.shape[along] as number), 0);
  return { shape: first.shape.with(along, length), dtype: first.dtype };
};

export const splitShape: ShapeRule = ({ x }, { numOrSizeSplits, axis }) => {
  const { shape, dtype } = x as Described;
  const [along] = axesOf(axis, shape.length) as [number];
  const sizes = backend_util.prepareSplitSize(
    { dataId: {}, shape: [...shape], dtype: dtype as TensorDtype },
    numOrSizeSplits as number | number[],
    along,
  );
  return sizes.map((size) => ({ shape: shape.with(along, size), dtype }));
};

export const sliceShape: ShapeRule = ({ x }, { begin, size }) => {
  const { shape, dtype } = x as Described;
  const starts = begin as number[];
  const sides = (size as number[]).map((side, axis) =>
    side === -1 ? (shape[axis] as number) - (starts[axis] as number) : side,
  );
  return { shape: sides, dtype };
};

export const padShape: ShapeRule = ({ x }, { paddings }) => {
  const { shape, dtype } = x as Described;
  const around = paddings as [number, number][];
  return { shape: shape.map((side, axis) => side + around[axis]![0] + around[axis]![1]), dtype };
};

export const tileShape: ShapeRule = ({ x }, { reps }) => {
  const { shape, dtype } = x as Described;
  return { shape: shape.map((side, axis) => side * ((reps as number[])[axis] as number)), dtype };
};

export const gatherShape: ShapeRule = ({ x, indices }, { axis, batchDims }) => {
  const { shape, dtype } = x as Described;
  const [along] = axesOf(axis, shape.length) as [number];
  const picked = (indices as Described).shape.slice((batchDims as number | undefined) ?? 0);
  return { shape: [...shape.slice(0, along), ...picked, ...shape.slice(along + 1)], dtype };
};

export const oneHotShape: ShapeRule = ({ indices }, { depth, dtype }) => ({
  shape: [...(indices as Described).shape, depth as number],
  dtype: (dtype as Dtype | undefined) ?? "int32",
});

export const fillShape: ShapeRule = (_, { shape, dtype }) => ({
  shape: shape as readonly number[],
  dtype: dtype as Dtype,
});

export const rangeShape: ShapeRule = (_, { start, stop, step, dtype }) => ({
  shape: [Math.max(0, Math.ceil(((stop as number) - (start as number)) / (step as number)))],
  dtype: dtype as Dtype,
});

export const expandDimsShape: ShapeRule = ({ input }, { dim }) => {
  const { shape, dtype } = input as Described;
  const at = (dim as number) < 0 ? (dim as number) + shape.length + 1 : (dim as number);
  return { shape: shape.toSpliced(at, 0, 1), dtype };
};

export const castShape: ShapeRule = ({ x }, { dtype }) => ({
  shape: (x as Described).shape,
  dtype: dtype as Dtype,
});

export const reshapeShape: ShapeRule = ({ x }, { shape: wanted }) => {
  const { shape, dtype } = x as Described;
  const size = sizeOf(shape);
  const known = (wanted as number[]).reduce((product, side) => product * (side === -1 ? 1 : side), 1);
  return { shape: (wanted as number[]).map((side) => (side === -1 ? size / known : side)), dtype };
};

/** The second operand's type, for a choice by a condition. */
export const selectShape: ShapeRule = ({ t }) => t as Described;
