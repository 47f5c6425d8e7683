import { axisLength, embed } from "@clip-ts/core";
import {
  add,
  concat,
  expandDims,
  reshape,
  slice,
  tensor,
  tensor1d,
  tile,
  transpose,
  type Tensor,
} from "@tensorflow/tfjs-core";

/** How a block's windows lie on its map of places. */
export interface Windows {
  /** Places along a side of the map, windows' whole number of times. */
  readonly side: number;
  /** Places along a side of a window. */
  readonly window: number;
  /** Places by which the map is rolled before it is cut, 0 for none. */
  readonly shift: number;
}

/** The map moved by so many places along one axis, what leaves it coming in at the other end. */
function rollAxis(x: Tensor, axis: 1 | 2, shift: number): Tensor {
  const from = shift > 0 ? axisLength(x, axis) - shift : -shift;
  const at = (place: number, others: number): number[] => [0, 1, 2, 3].map((each) => (each === axis ? place : others));
  return concat([slice(x, at(from, 0), at(-1, -1)), slice(x, [0, 0, 0, 0], at(from, -1))], axis);
}

/** The map moved along both sides. x [batch, height, width, dim] → same. */
export function roll(x: Tensor, shift: number): Tensor {
  return shift === 0 ? x : rollAxis(rollAxis(x, 1, shift), 2, shift);
}

/** The windows of a map, row by row. x [batch, side, side, dim] → [batch · windows, window², dim]. */
export function cutWindows(x: Tensor, { side, window }: Windows): Tensor {
  const [count, dim] = [side / window, axisLength(x, 3)];
  const parted = reshape(x, [-1, count, window, count, window, dim]);
  return reshape(transpose(parted, [0, 1, 3, 2, 4, 5]), [-1, window * window, dim]);
}

/** The map of such windows. [batch · windows, window², dim] → [batch, side, side, dim]. */
export function joinWindows(x: Tensor, { side, window }: Windows): Tensor {
  const [count, dim] = [side / window, axisLength(x, 2)];
  const parted = reshape(x, [-1, count, count, window, window, dim]);
  return reshape(transpose(parted, [0, 1, 3, 2, 4, 5]), [-1, side, side, dim]);
}

/** Row of the table for each pair of places of a window, by how far apart they are. → [window⁴] */
function pairRows(window: number): Int32Array {
  const places = window * window;
  const rows = new Int32Array(places * places);
  for (let from = 0; from < places; from++) {
    for (let to = 0; to < places; to++) {
      const down = Math.floor(from / window) - Math.floor(to / window) + window - 1;
      const right = (from % window) - (to % window) + window - 1;
      rows[from * places + to] = down * (2 * window - 1) + right;
    }
  }
  return rows;
}

/** Which of three stretches of a rolled side a place is in: those that the roll brought together are apart. */
function stretchOf(place: number, { side, window, shift }: Windows): number {
  return (place >= side - window ? 1 : 0) + (place >= side - shift ? 1 : 0);
}

/** What hides places from those that only the roll made their neighbours, as the original's. */
const hidden = -100;

/** [windows, 1, window², window²], 0 or `hidden`. */
function rollMask(windows: Windows): Tensor {
  const { side, window } = windows;
  const [count, places] = [side / window, window * window];
  const region = (at: number, place: number): number => {
    const row = Math.floor(at / count) * window + Math.floor(place / window);
    const column = (at % count) * window + (place % window);
    return 3 * stretchOf(row, windows) + stretchOf(column, windows);
  };
  const values = new Float32Array(count * count * places * places);
  for (let at = 0; at < count * count; at++) {
    for (let pair = 0; pair < places * places; pair++) {
      const isOne = region(at, Math.floor(pair / places)) === region(at, pair % places);
      values[at * places * places + pair] = isOne ? 0 : hidden;
    }
  }
  return tensor(values, [count * count, 1, places, places]);
}

/**
 * What is added to the scores of every window's attention: a learned number for how two places lie to each other, and
 * what hides places across the edges of a rolled map. table [(2 · window - 1)², heads] → [1 or batch · windows, heads,
 * window², window²].
 */
export function windowBias(table: Tensor, windows: Windows, batch: number): Tensor {
  const places = windows.window ** 2;
  const rows = embed({ weight: table }, tensor1d(pairRows(windows.window), "int32"));
  const bias = expandDims(transpose(reshape(rows, [places, places, -1]), [2, 0, 1]), 0);
  if (windows.shift === 0) return bias;
  return tile(add(rollMask(windows), bias), [batch, 1, 1, 1]);
}
