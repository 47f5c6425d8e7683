import type { Value } from "@clip-ts/jit";
import { axesOf, numbers, reshape, type Lowering } from "./lowering.ts";
import { attribute } from "./messages.ts";

const int32 = attribute.type("int32");

const concat: Lowering = ({ node, inputs, builder, x }) => {
  const [axis] = axesOf(node.attributes["axis"], x.shape.length);
  return builder.emit("ConcatV2", [...inputs, builder.scalar(axis as number, "int32")], {
    N: attribute.integer(inputs.length),
    T: attribute.type(x.dtype),
    Tidx: int32,
  });
};

const gather: Lowering = ({ node, inputs, builder, x }) => {
  const [axis] = axesOf(node.attributes["axis"], x.shape.length);
  return builder.emit("GatherV2", [...inputs, builder.scalar(axis as number, "int32")], {
    Tparams: attribute.type(x.dtype),
    Tindices: int32,
    Taxis: int32,
    batch_dims: attribute.integer((node.attributes["batchDims"] as number | undefined) ?? 0),
  });
};

const scatter: Lowering = ({ inputs, builder, y }) =>
  builder.emit("ScatterNd", [...inputs, builder.sizes(y.shape)], {
    T: attribute.type(y.dtype),
    Tindices: int32,
  });

const oneHot: Lowering = ({ node, inputs, builder, y }) => {
  const { onValue = 1, offValue = 0 } = node.attributes as Record<string, number>;
  const depth = y.shape.at(-1) as number;
  const operands = [
    builder.isOpen(depth)
      ? builder.emitOnce("", "Squeeze", [builder.sizes([depth])], { T: int32 })
      : builder.scalar(depth, "int32"),
    builder.scalar(onValue, y.dtype),
    builder.scalar(offValue, y.dtype),
  ];
  return builder.emit("OneHot", [...inputs, ...operands], {
    T: attribute.type(y.dtype),
    TI: int32,
    axis: attribute.integer(-1),
  });
};

const pad: Lowering = ({ node, inputs, builder, x }) => {
  const paddings = Int32Array.from((node.attributes["paddings"] as number[][]).flat());
  const operands = [
    builder.constant(paddings, [x.shape.length, 2], "int32"),
    builder.scalar(node.attributes["constantValue"] as number, x.dtype),
  ];
  return builder.emit("PadV2", [...inputs, ...operands], {
    T: attribute.type(x.dtype),
    Tpaddings: int32,
  });
};

const slice: Lowering = ({ node, inputs, builder, y, type }) => {
  const begin = builder.integers(numbers(node.attributes["begin"]));
  return builder.emit("Slice", [...inputs, begin, builder.sizes(y.shape)], {
    T: attribute.type(type),
    Index: int32,
  });
};

const split: Lowering = ({ node, inputs, builder, x, type }) => {
  const [axis] = axesOf(node.attributes["axis"], x.shape.length) as [number];
  const sizes = node.outputs.map(({ shape }) => shape[axis] as number);
  const operands = [...inputs, builder.sizes(sizes), builder.scalar(axis, "int32")];
  const name = builder.emit("SplitV", operands, {
    num_split: attribute.integer(sizes.length),
    T: attribute.type(type),
    Tlen: int32,
  });
  return sizes.map((_, index) => `${name}:${index}`);
};

const tile: Lowering = ({ node, inputs, builder, x }) =>
  builder.emit("Tile", [...inputs, builder.sizes(numbers(node.attributes["reps"]))], {
    T: attribute.type(x.dtype),
    Tmultiples: int32,
  });

const transpose: Lowering = ({ node, inputs, builder, type }) =>
  builder.emit("Transpose", [...inputs, builder.integers(numbers(node.attributes["perm"]))], {
    T: attribute.type(type),
    Tperm: int32,
  });

/** Conditions choose element by element, or whole rows where they are a vector. */
const select: Lowering = ({ node, inputs, builder, x, y }) => {
  const byRow = x.shape.length === 1 && (node.inputs[1] as Value).shape.length > 1;
  return builder.emit(byRow ? "Select" : "SelectV2", inputs, { T: attribute.type(y.dtype) });
};

const argMax: Lowering = ({ node, inputs, builder, x }) => {
  const [axis] = axesOf(node.attributes["axis"], x.shape.length);
  return builder.emit("ArgMax", [...inputs, builder.scalar(axis as number, "int32")], {
    T: attribute.type(x.dtype),
    Tidx: int32,
    output_type: int32,
  });
};

/** Operations that move, pick or place numbers. */
export const structural: Readonly<Record<string, Lowering>> = {
  ArgMax: argMax,
  Concat: concat,
  ExpandDims: reshape,
  GatherV2: gather,
  OneHot: oneHot,
  PadV2: pad,
  Reshape: reshape,
  ScatterNd: scatter,
  Select: select,
  Slice: slice,
  SplitV: split,
  Tile: tile,
  Transpose: transpose,
};
