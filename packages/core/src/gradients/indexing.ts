import {
  add,
  gather,
  greaterEqual,
  range,
  relu,
  reshape,
  scatterND,
  transpose,
  util,
  where,
  zeros,
  zerosLike,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { sizeOf } from "../spec.ts";
import type { Rule, Rules } from "./rule.ts";

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
        const updates = transpose(
          reshape(dy as Tensor, [batches, outer, picks, inner]),
          [0, 2, 1, 3],
        ); // [batches, picks, outer, inner]
        const ids = flatIds(indices, batches, length);
        const sums = scatterND(
          reshape(ids, [-1, 1]),
          reshape(updates, [batches * picks, outer * inner]),
          [batches * length, outer * inner],
        );
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
        const isOfSegment = reshape(greaterEqual(ids, 0), [
          ...ids.shape,
          ...rows.shape.slice(ids.rank).map(() => 1),
        ]);
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
