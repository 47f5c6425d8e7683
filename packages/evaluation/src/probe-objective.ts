import type { FeatureRows } from "@clip-ts/core";
import { centreClasses } from "./class-rows.ts";
import type { ConvexFunction, Curvature, Evaluated } from "./newton.ts";
import { engineMatMuls, hostMatMuls, type ProbeMatMuls } from "./probe-matmul.ts";
import { preconditioner } from "./probe-preconditioner.ts";

/** Each row's share of every class, and how the classes share it. */
interface ClassShares {
  /** [rows, classes] */
  readonly probabilities: Float64Array;
  readonly classes: number;
}

/** Logits become probabilities, in place; the row's cross-entropy comes back. */
function softmaxRow(logits: Float64Array, start: number, end: number, own: number): number {
  let top = start;
  for (let place = start; place < end; place++) if (logits[place]! > logits[top]!) top = place;
  const [highest, right] = [logits[top]!, logits[own]!];
  let others = 0;
  for (let place = start; place < end; place++) {
    logits[place] = place === top ? 1 : Math.exp(logits[place]! - highest);
    if (place !== top) others += logits[place]!;
  }
  for (let place = start; place < end; place++) logits[place]! /= 1 + others;
  return highest - right + Math.log1p(others);
}

/** Logits [rows, classes] become probabilities, in place; the sum of cross-entropies comes back. */
function softmaxRows(logits: Float64Array, labels: Int32Array, classes: number): number {
  let entropy = 0;
  labels.forEach((label, row) => {
    const start = row * classes;
    entropy += softmaxRow(logits, start, start + classes, start + label);
  });
  return entropy;
}

/**
 * Turns each row's change of logits into the change of its probabilities, in place. Differences to the likeliest
 * class keep the digits that are left of a curvature near nothing.
 */
function changeOfProbabilities(changes: Float64Array, { probabilities, classes }: ClassShares): void {
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

/** Mean over the classes of each row's p (1 - p), over the rows: what weighs a row in the mean block. */
function rowWeights({ probabilities, classes }: ClassShares): Float64Array {
  const rows = probabilities.length / classes;
  const weights = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let place = row * classes; place < (row + 1) * classes; place++) {
      sum += probabilities[place]! * (1 - probabilities[place]!);
    }
    weights[row] = sum / classes / rows;
  }
  return weights;
}

/** What a probe is fitted to. */
export interface ProbeData {
  readonly features: FeatureRows;
  /** [rows], whole numbers below `classes`, each of them met. */
  readonly labels: Int32Array;
  readonly classes: number;
  /** Factor on ‖weight‖². */
  readonly penalty: number;
}

/**
 * sums / rows + 2 · penalty · weight, in place; biases are not penalised. The sums of all classes make zero, but
 * for rounding, which is taken off. ‖weight‖² comes back.
 */
function addPenalty(
  sums: Float64Array,
  point: Float64Array,
  { features: { rows, dim }, classes, penalty }: ProbeData,
): number {
  centreClasses(sums, classes);
  let squares = 0;
  for (let start = 0; start < sums.length; start += dim + 1) {
    for (let place = start; place < start + dim; place++) {
      const weight = point[place]!;
      sums[place] = sums[place]! / rows + 2 * penalty * weight;
      squares += weight * weight;
    }
    sums[start + dim]! /= rows;
  }
  return squares;
}

/** Mean cross-entropy and penalty at a point [classes, dim + 1]; `probabilities` are left behind. */
async function evaluateAt(
  point: Float64Array,
  data: ProbeData,
  { logitsOf, sumsOf }: ProbeMatMuls,
): Promise<Evaluated & { readonly probabilities: Float64Array }> {
  const { features, labels, classes, penalty } = data;
  const probabilities = await logitsOf(point, classes);
  const entropy = softmaxRows(probabilities, labels, classes);
  const residuals = new Float64Array(probabilities);
  labels.forEach((label, row) => {
    residuals[row * classes + label]! -= 1;
  });
  const gradient = await sumsOf(residuals, classes);
  const squares = addPenalty(gradient, point, data);
  return { value: entropy / features.rows + penalty * squares, gradient, probabilities };
}

/** Whether no row's weight has changed by more than half or double, and so no direction's curvature. */
function areAlike(weights: Float64Array, others: Float64Array): boolean {
  return weights.every((weight, row) => weight <= 2 * others[row]! && others[row]! <= 2 * weight);
}

/** What a probe minimises. */
export interface ProbeObjective extends ConvexFunction {
  /** Its value where all weights and biases are zero. */
  readonly valueAtZero: number;
  readonly dispose: () => void;
}

/**
 * The function that a probe minimises. What is exact is float64 and computed here; what only shortens the way,
 * estimates and products with the Hessian, runs on tfjs's engine. Dispose when done.
 */
export function probeObjective(data: ProbeData): ProbeObjective {
  const { features, classes, penalty } = data;
  const host = hostMatMuls(features);
  const engine = engineMatMuls(features);
  let probabilities: Float64Array = new Float64Array();
  let prepared: (Pick<Curvature, "precondition"> & { readonly weights: Float64Array }) | undefined;
  const evaluateBy = async (point: Float64Array, matmuls: ProbeMatMuls): Promise<Evaluated> => {
    const { probabilities: found, ...evaluated } = await evaluateAt(point, data, matmuls);
    probabilities = found;
    return evaluated;
  };
  const times = async (vector: Float64Array): Promise<Float64Array> => {
    const changes = await engine.logitsOf(vector, classes);
    changeOfProbabilities(changes, { probabilities, classes });
    const curvature = await engine.sumsOf(changes, classes);
    addPenalty(curvature, vector, data);
    return curvature;
  };
  return {
    evaluate: (point) => evaluateBy(point, host),
    estimate: (point) => evaluateBy(point, engine),
    async withCurvature(use) {
      const weights = rowWeights({ probabilities, classes });
      if (prepared === undefined || !areAlike(weights, prepared.weights)) {
        const gram = await engine.gramOf(weights);
        prepared = { weights, precondition: preconditioner(gram, features.dim + 1, penalty) };
      }
      return use({ times, precondition: prepared.precondition });
    },
    valueAtZero: Math.log(classes),
    dispose: engine.dispose,
  };
}
