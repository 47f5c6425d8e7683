import { ClipError } from "@clip-ts/base";
import { assertShape, axisLength } from "@clip-ts/core";
import { concat, matMul, reshape, slice, tensor2d, tidy, transpose, type Tensor } from "@tensorflow/tfjs-core";

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
    throw new ClipError("bad-config", `Sines and cosines of two axes need a width that 4 divides; got ${dim}.`, {
      data: { dim },
    });
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

/** Keys' cubic with a = -½, the filter of Pillow's and PyTorch's antialiased "bicubic". */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

/** Which share of each old place goes into each new one along one axis. → [to, from]. */
function resamplingMatrix(from: number, to: number): Tensor {
  const scale = from / to;
  const stretch = Math.max(scale, 1); // a shrinking filter widens, so that no place is skipped
  const values = new Float32Array(to * from);
  for (let place = 0; place < to; place++) {
    const center = (place + 0.5) * scale;
    const shares = Array.from({ length: from }, (_, old) => cubic((old + 0.5 - center) / stretch));
    const total = shares.reduce((sum, share) => sum + share, 0);
    shares.forEach((share, old) => {
      values[place * from + old] = share / total;
    });
  }
  return tensor2d(values, [to, from]);
}

/**
 * A table of positions for another grid: bicubic interpolation with antialiasing, as open_clip does when
 * it loads weights at another resolution. Rows before the grid, such as the class token's, stay.
 * weight [rows, dim] of a square grid → [rows - fromGrid² + toGrid², dim], the caller's.
 * @throws ClipError "bad-shape" if the table has fewer rows than the grid has places.
 */
export function resizePositions(weight: Tensor, fromGrid: number, toGrid: number): Tensor {
  assertShape(weight, ["rows", "dim"], "position table");
  const [rows, dim] = [axisLength(weight, 0), axisLength(weight, 1)];
  const leading = rows - fromGrid * fromGrid;
  if (leading < 0) {
    throw new ClipError("bad-shape", `A table of ${rows} positions cannot hold a grid of ${fromGrid} by ${fromGrid}.`, {
      data: { rows, fromGrid },
    });
  }
  return tidy(() => {
    const resample = resamplingMatrix(fromGrid, toGrid);
    const grid = reshape(slice(weight, [leading, 0]), [fromGrid, fromGrid * dim]);
    const tall = reshape(matMul(resample, grid), [toGrid, fromGrid, dim]);
    const columnsFirst = reshape(transpose(tall, [1, 0, 2]), [fromGrid, toGrid * dim]);
    const wide = reshape(matMul(resample, columnsFirst), [toGrid, toGrid, dim]); // column, row
    const resized = reshape(transpose(wide, [1, 0, 2]), [toGrid * toGrid, dim]);
    return concat([slice(weight, [0, 0], [leading, -1]), resized], 0);
  });
}
