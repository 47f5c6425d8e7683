import { ClipError, shownSize, sidesOf, type ImageSize, type Sides } from "@clip-ts/base";
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

/**
 * Keys' cubic: with a = -½ the filter of Pillow's and PyTorch's antialiased "bicubic", with a = -¾ that of PyTorch's
 * without antialiasing.
 */
function cubic(distance: number, a = -0.5): number {
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
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

/** As PyTorch's "bicubic" without antialiasing: places outside are those at the border. → [to, from]. */
function interpolationMatrix(from: number, to: number): Tensor {
  const values = new Float32Array(to * from);
  for (let place = 0; place < to; place++) {
    const center = ((place + 0.5) * from) / to - 0.5;
    const first = Math.floor(center) - 1;
    for (let old = first; old < first + 4; old++) {
      const at = place * from + Math.min(Math.max(old, 0), from - 1);
      values[at] = (values[at] ?? 0) + cubic(center - old, -0.75);
    }
  }
  return tensor2d(values, [to, from]);
}

/** Makes the matrix [to, from] that one axis goes through. */
type AxisMatrix = (from: number, to: number) => Tensor;

/** Every column of a grid, then every row, through its matrix. grid [places of `from`, dim] → [places of `to`, dim]. */
function throughBothAxes(grid: Tensor, [from, to]: readonly [Sides, Sides], matrix: AxisMatrix): Tensor {
  const dim = axisLength(grid, 1);
  const columns = reshape(grid, [from.height, from.width * dim]);
  const tall = reshape(matMul(matrix(from.height, to.height), columns), [to.height, from.width, dim]);
  const rows = reshape(transpose(tall, [1, 0, 2]), [from.width, to.height * dim]);
  const wide = reshape(matMul(matrix(from.width, to.width), rows), [to.width, to.height, dim]);
  return reshape(transpose(wide, [1, 0, 2]), [to.height * to.width, dim]);
}

/** Sides of a grid, and whether a smaller one is made with antialiasing. */
export interface Interpolation {
  readonly from: ImageSize;
  readonly to: ImageSize;
  readonly antialias: boolean;
}

/**
 * Positions of a grid of places for another grid, as transformers' DINOv2 makes them in every pass: bicubic, with
 * antialiasing where it has registers. It has a gradient. grid [places of `from`, dim] → [places of `to`, dim]; the
 * same tensor for the same grid.
 */
export function interpolatePositions(grid: Tensor, { from, to, antialias }: Interpolation): Tensor {
  const [before, after] = [sidesOf(from), sidesOf(to)];
  if (before.height === after.height && before.width === after.width) return grid;
  return throughBothAxes(grid, [before, after], antialias ? resamplingMatrix : interpolationMatrix);
}

/**
 * A table of positions for another grid: bicubic interpolation with antialiasing, as open_clip does when
 * it loads weights at another resolution. Rows before the grid, such as the class token's, stay.
 * weight [rows, dim] of a grid, its places row by row → [rows - places of `from` + places of `to`, dim], the
 * caller's. Sizes are in places. @throws ClipError "bad-shape" if the table has fewer rows than the grid has places.
 */
export function resizePositions(weight: Tensor, from: ImageSize, to: ImageSize): Tensor {
  assertShape(weight, ["rows", "dim"], "position table");
  const rows = axisLength(weight, 0);
  const [before, after] = [sidesOf(from), sidesOf(to)];
  const leading = rows - before.height * before.width;
  if (leading < 0) {
    const { height, width } = before;
    throw new ClipError("bad-shape", `A table of ${rows} positions cannot hold a grid of ${height} by ${width}.`, {
      data: { rows, grid: shownSize(from) },
    });
  }
  return tidy(() => {
    const resized = throughBothAxes(slice(weight, [leading, 0]), [before, after], resamplingMatrix);
    return concat([slice(weight, [0, 0], [leading, -1]), resized], 0);
  });
}
