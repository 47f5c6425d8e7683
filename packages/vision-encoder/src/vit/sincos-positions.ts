import { ClipError } from "@clip-ts/base";
import { tensor2d, type Tensor } from "@tensorflow/tfjs-core";

/** Longest wave, in patches, divided by 2π. */
const longestWave = 10_000;

/**
 * Fixed positions on a grid: the first half of a vector says the column, the second the row, each as sines
 * and then cosines of waves of growing length (Vaswani et al. 2017; two axes as in Chen et al. 2021,
 * arXiv:2104.02057). → [side², dim] in one array, row by row. @throws ClipError "bad-config" unless 4 divides
 * `dim`.
 */
export function sincosValues(side: number, dim: number): Float32Array {
  if (dim % 4 !== 0) {
    throw new ClipError(
      "bad-config",
      `Sines and cosines of two axes need a width that 4 divides; got ${dim}.`,
      { data: { dim } },
    );
  }
  const waves = dim / 4;
  const values = new Float32Array(side * side * dim);
  for (let place = 0; place < side * side; place++) {
    const column = place % side;
    const row = Math.floor(place / side);
    for (let wave = 0; wave < waves; wave++) {
      const frequency = longestWave ** (-wave / waves);
      const at = place * dim + wave;
      values[at] = Math.sin(column * frequency);
      values[at + waves] = Math.cos(column * frequency);
      values[at + 2 * waves] = Math.sin(row * frequency);
      values[at + 3 * waves] = Math.cos(row * frequency);
    }
  }
  return values;
}

/** The same as a tensor. → [side², dim] */
export function sincosPositions(side: number, dim: number): Tensor {
  return tensor2d(sincosValues(side, dim), [side * side, dim]);
}
