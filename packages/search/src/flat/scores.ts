import { dotsByWasm } from "./dots-wasm.ts";
import { quantise, type Vectors } from "./vectors.ts";

/** What scores rows `start` up to `end` against one query, into the beginning of `scores`. */
export type Scorer = (vectors: Vectors, start: number, end: number, scores: Float64Array) => void;

/**
 * Steps of a query beside int8 rows, which are 16 bits wide: finer than the rows by far, so that what is lost is theirs
 * alone, and few enough that a sum of products fits 32 bits.
 */
function queryLevels(dim: number): number {
  return Math.min(2 ** 15 - 1, Math.floor((2 ** 31 - 1) / (127 * dim)));
}

type Numbers = Float32Array | Int8Array | Int16Array;

/** Dot products of a query and rows, four rows at a time: each value of the query is read once for four. */
function dots(query: Numbers, values: Numbers, start: number, scores: Float64Array): void {
  const dim = query.length;
  const rows = scores.length;
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    const first = (start + row) * dim;
    const second = first + dim;
    const third = second + dim;
    const fourth = third + dim;
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let at = 0; at < dim; at++) {
      const value = query[at] as number;
      a += value * (values[first + at] as number);
      b += value * (values[second + at] as number);
      c += value * (values[third + at] as number);
      d += value * (values[fourth + at] as number);
    }
    scores[row] = a;
    scores[row + 1] = b;
    scores[row + 2] = c;
    scores[row + 3] = d;
  }
  for (; row < rows; row++) {
    let sum = 0;
    const first = (start + row) * dim;
    for (let at = 0; at < dim; at++) sum += (query[at] as number) * (values[first + at] as number);
    scores[row] = sum;
  }
}

/**
 * Cosines of a unit vector and unit rows, by WebAssembly where it runs. Of f32 rows to single precision; of int8 rows as
 * whole numbers without a rounding, the query in 16 bits, times both scales.
 */
export function createScorer(query: Float32Array): Scorer {
  const steps = new Int16Array(query.length);
  const queryScale = quantise(query, queryLevels(query.length), steps);
  return ({ values, scales }, start, end, scores) => {
    const wanted = scores.subarray(0, end - start);
    if (values instanceof Float32Array) {
      if (!dotsByWasm({ query, values }, start, wanted)) dots(query, values, start, wanted);
      return;
    }
    if (!dotsByWasm({ query: steps, values }, start, wanted)) dots(steps, values, start, wanted);
    for (let row = 0; row < wanted.length; row++) {
      wanted[row] = (wanted[row] as number) * queryScale * (scales[start + row] as number);
    }
  };
}
