import type { FeatureRows } from "@clip-ts/core";
import {
  concat,
  dispose,
  matMul,
  mul,
  ones,
  tensor2d,
  tidy,
  type Rank,
  type Tensor,
  type Tensor2D,
} from "@tensorflow/tfjs-core";
import { choleskyFactor, choleskySolve } from "./cholesky.ts";
import { gradientOf, logitsOf } from "./host-products.ts";
import type { Evaluated } from "./line-search.ts";
import type { ConvexFunction, Curvature } from "./newton.ts";

/** What a probe is fitted to. */
export interface ProbeData {
  readonly features: FeatureRows;
  /** [rows], whole numbers below `classes`, each of them met. */
  readonly labels: Int32Array;
  readonly classes: number;
  /** Factor on ‖weight‖². */
  readonly penalty: number;
}

/** Trace of the Hessian added to what preconditions it, where float32 cannot tell it from nothing. */
const ridge = 1e-6;

async function read(tensor: Tensor): Promise<Float64Array> {
  const values = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return Float64Array.from(values);
}

/** Logits become probabilities, in place; the row's cross-entropy comes back. */
function softmaxRow(row: Float64Array, label: number): number {
  let top = 0;
  row.forEach((value, index) => {
    if (value > row[top]!) top = index;
  });
  const [highest, own] = [row[top]!, row[label]!];
  let others = 0;
  for (let index = 0; index < row.length; index++) {
    row[index] = index === top ? 1 : Math.exp(row[index]! - highest);
    if (index !== top) others += row[index]!;
  }
  for (let index = 0; index < row.length; index++) row[index]! /= 1 + others;
  return highest - own + Math.log1p(others);
}

/** Mean cross-entropy and penalty at a point [classes, dim + 1], in float64; `probabilities` are left behind. */
function evaluateAt(
  point: Float64Array,
  { features, labels, classes, penalty }: ProbeData,
): Evaluated & { readonly probabilities: Float64Array } {
  const { rows, dim } = features;
  const probabilities = logitsOf(features, point, classes);
  let entropy = 0;
  labels.forEach((label, row) => {
    entropy += softmaxRow(probabilities.subarray(row * classes, (row + 1) * classes), label);
    probabilities[row * classes + label]! -= 1; // the residual, for as long as the slope needs it
  });
  const gradient = gradientOf(probabilities, features, classes);
  labels.forEach((label, row) => {
    probabilities[row * classes + label]! += 1;
  });
  let squares = 0;
  for (let index = 0; index < gradient.length; index++) {
    const weight = index % (dim + 1) === dim ? 0 : point[index]!;
    gradient[index] = gradient[index]! / rows + 2 * penalty * weight;
    squares += weight ** 2;
  }
  return { value: entropy / rows + penalty * squares, gradient, probabilities };
}

/**
 * Turns each row's change of logits into the change of its probabilities, in place. Differences to the likeliest
 * class keep the digits that are left of a curvature near nothing.
 */
function changeOfProbabilities(changes: Float64Array, { probabilities, classes }: Saved): void {
  for (let start = 0; start < changes.length; start += classes) {
    let top = start;
    for (let place = start; place < start + classes; place++) {
      if (probabilities[place]! > probabilities[top]!) top = place;
    }
    const most = changes[top]!;
    let mean = 0;
    for (let place = start; place < start + classes; place++) {
      changes[place]! -= most;
      mean += probabilities[place]! * changes[place]!;
    }
    let rest = 0;
    for (let place = start; place < start + classes; place++) {
      if (place === top) continue;
      changes[place] = probabilities[place]! * (changes[place]! - mean);
      rest += changes[place]!;
    }
    changes[top] = -rest;
  }
}

interface Saved {
  readonly probabilities: Float64Array;
  readonly classes: number;
}

/** Mean over the classes of each row's p (1 - p), and the Gram matrix that these weigh, on the engine. */
async function weightedGram(
  inputs: Tensor2D,
  { probabilities, classes }: Saved,
): Promise<Float64Array> {
  const [rows] = inputs.shape;
  const roots = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let place = row * classes; place < (row + 1) * classes; place++) {
      sum += probabilities[place]! * (1 - probabilities[place]!);
    }
    roots[row] = Math.sqrt(sum / classes / rows);
  }
  return read(
    tidy(() => {
      const weighed = mul(inputs, tensor2d(roots, [rows, 1]));
      return matMul(weighed, weighed, true, false);
    }),
  );
}

/** Solves with the mean of the classes' blocks of the Hessian, its columns brought to one length before. */
async function preconditioner(
  inputs: Tensor2D,
  saved: Saved,
  penalty: number,
): Promise<Curvature["precondition"]> {
  const [, width] = inputs.shape;
  const gram = await weightedGram(inputs, saved);
  for (let k = 0; k < width - 1; k++) gram[k * width + k]! += 2 * penalty;
  const scales = Float64Array.from(
    { length: width },
    (_, k) => 1 / Math.sqrt(gram[k * width + k]! + 1e-300),
  );
  for (let row = 0; row < width; row++) {
    for (let k = 0; k < width; k++) gram[row * width + k]! *= scales[row]! * scales[k]!;
    gram[row * width + row]! += ridge;
  }
  const factor = choleskyFactor(gram, width);
  return (vector) => {
    const solved = vector.map((value, index) => value * scales[index % width]!);
    for (let start = 0; start < solved.length; start += width) {
      choleskySolve(factor, width, solved, start);
    }
    return solved.map((value, index) => value * scales[index % width]!);
  };
}

/**
 * The function that a probe minimises. Values and slopes are float64 and computed here; what only shortens the
 * way, products with the Hessian, runs on tfjs's engine. Dispose when done.
 */
export function probeObjective(data: ProbeData): ConvexFunction & { readonly dispose: () => void } {
  const { features, classes, penalty } = data;
  const { values, rows, dim } = features;
  const inputs = tidy(() =>
    concat<Tensor2D>([tensor2d(values, [rows, dim]), ones<Rank.R2>([rows, 1])], 1),
  );
  const width = dim + 1;
  let probabilities = new Float64Array();
  const times = async (vector: Float64Array): Promise<Float64Array> => {
    const changes = await read(
      tidy(() => {
        const matrix = tensor2d(Float32Array.from(vector), [classes, width]);
        return matMul(inputs, matrix, false, true);
      }),
    );
    changeOfProbabilities(changes, { probabilities, classes });
    const sums = await read(
      tidy(() => {
        const matrix = tensor2d(Float32Array.from(changes), [rows, classes]);
        return matMul(matrix, inputs, true, false);
      }),
    );
    return sums.map((value, index) => {
      const weight = index % width === dim ? 0 : vector[index]!;
      return value / rows + 2 * penalty * weight;
    });
  };
  return {
    evaluate(point) {
      const { probabilities: found, ...evaluated } = evaluateAt(point, data);
      probabilities = found as Float64Array<ArrayBuffer>;
      return evaluated;
    },
    withCurvature: async (use) =>
      use({
        times,
        precondition: await preconditioner(inputs, { probabilities, classes }, penalty),
      }),
    dispose: () => dispose(inputs),
  };
}
