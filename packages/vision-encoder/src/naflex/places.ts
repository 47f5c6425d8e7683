import { axisLength } from "@clip-ts/core";
import {
  abs,
  add,
  cast,
  concat,
  div,
  expandDims,
  floorDiv,
  greater,
  matMul,
  maximum,
  mul,
  range,
  relu,
  reshape,
  slice,
  sub,
  sum,
  type Tensor,
} from "@tensorflow/tfjs-core";

/** What stands behind the pixels of a patch: its row and column, then rows and columns of its picture; zeros for padding. */
export const placeLength = 4;

/** One number of each patch's place. places [batch, patches, 4] → [batch, patches, 1]. */
const numberOf = (places: Tensor, at: number): Tensor => slice(places, [0, 0, at], [-1, -1, 1]);

/** Which patches are none, but fill a row of the batch. places [batch, patches, 4] → [batch, patches], 1 for a patch. */
export const patchMask = (places: Tensor): Tensor => {
  const [batch, patches] = [axisLength(places, 0), axisLength(places, 1)];
  return reshape(cast(greater(numberOf(places, 2), 0), "float32"), [batch, patches]);
};

/**
 * Which share of each of `from` old places goes into the new place `index` of `to`, along one axis: a triangle that
 * widens where places become fewer, as PyTorch's antialiased "bilinear" computes it.
 * index and to [batch, patches, 1] → [batch, patches, from].
 */
function sharesOf(index: Tensor, to: Tensor, from: number): Tensor {
  const scale = div(from, maximum(to, 1));
  const center = mul(add(index, 0.5), scale);
  const old = add(range(0, from), 0.5);
  const shares = relu(sub(1, div(abs(sub(old, center)), maximum(scale, 1))));
  return div(shares, sum(shares, 2, true));
}

/**
 * The positions of patches in the grids of their own pictures: a table of `grid` x `grid` places is resized to each,
 * as transformers' `resize_positional_embeddings` does. The table has a gradient.
 * table [grid², dim], places [batch, patches, 4] → [batch, patches, dim].
 */
export function positionsOf(table: Tensor, places: Tensor, grid: number): Tensor {
  const [batch, patches] = [axisLength(places, 0), axisLength(places, 1)];
  const rows = sharesOf(numberOf(places, 0), numberOf(places, 2), grid);
  const columns = sharesOf(numberOf(places, 1), numberOf(places, 3), grid);
  const shares = reshape(mul(expandDims(rows, 3), expandDims(columns, 2)), [batch * patches, grid * grid]);
  return reshape(matMul(shares, table), [batch, patches, axisLength(table, 1)]);
}

/**
 * Places of patches that lie row by row, as transformers says them. mask [batch, patches] int32, 1 for a patch;
 * shapes [batch, 2] int32, rows and columns of each picture → [batch, patches, 4].
 */
export function placesOf(mask: Tensor, shapes: Tensor): Tensor {
  const [batch, patches] = [axisLength(mask, 0), axisLength(mask, 1)];
  const isPatch = reshape(cast(mask, "float32"), [batch, patches, 1]);
  const sides = cast(reshape(shapes, [batch, 1, 2]), "float32");
  const width = maximum(slice(sides, [0, 0, 1], [-1, -1, 1]), 1);
  const index = reshape(cast(range(0, patches, 1, "int32"), "float32"), [1, patches, 1]);
  const row = floorDiv(index, width);
  const place = concat([row, sub(index, mul(row, width))], 2);
  return mul(concat([place, add(sides, mul(0, place))], 2), isPatch);
}
