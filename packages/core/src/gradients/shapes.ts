import {
  add,
  cast,
  clone,
  concat,
  gather,
  greaterEqual,
  pad,
  range,
  relu,
  reshape,
  reverse,
  scatterND,
  slice,
  slice_util,
  split,
  stack,
  sum,
  transpose,
  unstack,
  util,
  where,
  zeros,
  zerosLike,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { sizeOf } from "../spec.ts";
import { flat, type Rule, type Rules } from "./rule.ts";

/** An input in another shape: dy in its own. */
function reshaped(input: string): Rule {
  return {
    inputsToSave: [input],
    gradFunc: (dy, [x]) => ({ [input]: () => reshape(dy as Tensor, (x as Tensor).shape) }),
  };
}

/** Axes in another order: dy with them in the old one. */
const transposed: Rule = {
  gradFunc: (dy, _, { perm }) => {
    const order = perm as number[];
    return {
      x: () =>
        transpose(
          dy as Tensor,
          order.map((__, axis) => order.indexOf(axis)),
        ),
    };
  },
};

/** Every input's gradient is its piece of dy; the pieces are cut when the first is asked for. */
function pieces(cut: (dy: Tensor, saved: readonly Tensor[], axis: number) => Tensor[]): Rule {
  return {
    saveAllInputs: true,
    gradFunc(dy, saved, { axis }) {
      const cutAll = cut(dy as Tensor, saved, axis as number);
      return Object.fromEntries(cutAll.map((piece, index) => [index, () => piece]));
    },
  };
}

/** Inputs one after another along an axis. */
const concatenated = pieces((dy, saved, given) => {
  const [axis = 0] = util.parseAxisParam(given, dy.shape);
  return split(
    dy,
    saved.map(({ shape }) => shape[axis] as number),
    axis,
  );
});

const asList = (dy: Tensor | Tensor[]): Tensor[] => (Array.isArray(dy) ? dy : [dy]);

/** A part of x: dy there, 0 around it. */
const sliced: Rule = {
  inputsToSave: ["x"],
  gradFunc: (dy, saved, { begin, size }) => ({
    x() {
      const [x] = saved as [Tensor];
      const [from = [], lengths = []] = slice_util.parseSliceParams(x, begin as number[], size as number[]);
      const around = x.shape.map((length, axis): [number, number] => {
        const before = from[axis] as number;
        return [before, length - before - (lengths[axis] as number)];
      });
      return pad(dy as Tensor, around);
    },
  }),
};

/** x with a border of a constant: dy without it. */
const padded: Rule = {
  inputsToSave: ["x"],
  gradFunc: (dy, [x], { paddings }) => ({
    x: () =>
      slice(
        dy as Tensor,
        (paddings as [number, number][]).map(([before]) => before),
        (x as Tensor).shape,
      ),
  }),
};

/** x several times along its axes: the sum of dy over the copies. */
const tiled: Rule = {
  inputsToSave: ["x"],
  gradFunc: (dy, saved, { reps }) => ({
    x() {
      const [x] = saved as [Tensor];
      const unfolded: number[] = []; // an axis of copies before each axis that was repeated
      const copies: number[] = [];
      for (const [axis, length] of x.shape.entries()) {
        const count = (reps as number[])[axis] as number;
        if (count > 1) copies.push(unfolded.push(count) - 1);
        unfolded.push(length);
      }
      return reshape(sum(reshape(dy as Tensor, unfolded), copies), x.shape);
    },
  }),
};

/** t where the condition holds, e elsewhere: dy there, 0 elsewhere; the condition has no gradient. */
const selected: Rule = {
  inputsToSave: ["condition"],
  gradFunc: (given, saved) => {
    const dy = given as Tensor;
    const [condition] = saved as [Tensor];
    return {
      condition: () => zeros(condition.shape),
      t: () => where(condition, dy, zerosLike(dy)),
      e: () => where(condition, zerosLike(dy), dy),
    };
  },
};

/** What moves numbers without changing them. */
export const shapes: Rules = {
  Reshape: reshaped("x"),
  ExpandDims: reshaped("input"),
  Transpose: transposed,
  Reverse: {
    gradFunc: (dy, _, { dims }) => ({ x: () => reverse(dy as Tensor, dims as number[]) }),
  },
  Identity: { gradFunc: (dy) => ({ x: () => clone(dy as Tensor) }) },
  Cast: { gradFunc: (dy) => ({ x: () => cast(dy as Tensor, "float32") }) },
  Concat: concatenated,
  SplitV: { gradFunc: (dy, _, { axis }) => ({ x: () => concat(asList(dy), axis as number) }) },
  Pack: pieces((dy, _, axis) => unstack(dy, axis)),
  Unpack: { gradFunc: (dy, _, { axis }) => ({ value: () => stack(asList(dy), axis as number) }) },
  Slice: sliced,
  PadV2: padded,
  Tile: tiled,
  Select: selected,
  ZerosLike: flat("x"),
  OnesLike: flat("x"),
  OneHot: flat("indices"),
};

/** Numbers of rows in a table of all batches: batch · length + index. indices [batch, n] → [batch · n]. */
function flatIds(indices: Tensor, batches: number, length: number): Tensor {
  const ids = reshape(indices, [batches, -1]);
  if (batches === 1) return reshape(ids, [-1]);
  const starts = reshape(range(0, batches * length, length, "int32"), [batches, 1]);
  return reshape(add(ids, starts), [-1]);
}

/** Entries of x along an axis, picked by number: dy added up where they were picked. */
const gathered: Rule = {
  inputsToSave: ["x", "indices"],
  gradFunc: (dy, saved, { axis, batchDims }) => {
    const [x, indices] = saved as [Tensor, Tensor];
    return {
      x() {
        const [along = 0] = util.parseAxisParam(axis as number, x.shape);
        const leading = batchDims as number;
        const batches = sizeOf(x.shape.slice(0, leading));
        const outer = sizeOf(x.shape.slice(leading, along));
        const inner = sizeOf(x.shape.slice(along + 1));
        const length = x.shape[along] as number;
        const picks = sizeOf(indices.shape) / batches;
        const updates = transpose(reshape(dy as Tensor, [batches, outer, picks, inner]), [0, 2, 1, 3]); // [batches, picks, outer, inner]
        const ids = flatIds(indices, batches, length);
        const sums = scatterND(reshape(ids, [-1, 1]), reshape(updates, [batches * picks, outer * inner]), [
          batches * length,
          outer * inner,
        ]);
        const rows = reshape(sums, [batches, length, outer, inner]);
        return reshape(transpose(rows, [0, 2, 1, 3]), x.shape);
      },
      indices: () => zeros(indices.shape),
    };
  },
};

/** Rows added up by segment: each row's gradient is its segment's; rows of no segment (below 0) get 0. */
const segmentSum: Rule = {
  inputsToSave: ["segmentIds"],
  gradFunc: (given, saved) => {
    const dy = given as Tensor;
    const [ids] = saved as [Tensor];
    return {
      x() {
        const rows = gather(dy, relu(ids));
        const isOfSegment = reshape(greaterEqual(ids, 0), [...ids.shape, ...rows.shape.slice(ids.rank).map(() => 1)]);
        return where(isOfSegment, rows, zerosLike(rows));
      },
      segmentIds: () => zeros(ids.shape),
    };
  },
};

/** What picks numbers by their place. */
export const indexing: Rules = {
  GatherV2: gathered,
  UnsortedSegmentSum: segmentSum,
};
