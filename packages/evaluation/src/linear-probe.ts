import { ClipError } from "@clip-ts/base";
import { add, argMax, matMul, tensor1d, tensor2d, tidy } from "@tensorflow/tfjs-core";
import type { FeatureRows } from "@clip-ts/core";
import { centreClasses, countClasses } from "./class-rows.ts";
import { largest, minimizeByNewton, type NewtonMinimum, type NewtonOptions } from "./newton.ts";
import { probeObjective, type ProbeObjective } from "./probe-objective.ts";

/** A linear classifier: logits = features · weightᵀ + bias. */
export interface LinearProbe {
  /** [classes, dim] */
  readonly weight: FeatureRows;
  /** [classes] */
  readonly bias: Float32Array;
  /** What is minimised, at this probe. */
  readonly loss: number;
  /** Newton steps. */
  readonly iterations: number;
  /**
   * Whether the loss is within the tolerance of the least, as slope and curvature tell, and the slope within
   * scikit-learn's; if not, the probe may not be the best one yet.
   */
  readonly converged: boolean;
}

/** How a probe is fitted. */
export interface LinearProbeOptions extends NewtonOptions {
  /**
   * Inverse strength of the penalty, scikit-learn's `C`: minimised is the sum of cross-entropies plus
   * ‖weight‖² / 2C, divided by the number of rows. CLIP's paper took 0.316.
   */
  readonly inversePenalty?: number;
  /** Classes, if more than the labels name. */
  readonly classes?: number;
  /**
   * Where to begin, in place of zeros: a probe that should be near, say that of another penalty. It shortens the
   * way and does not change where it ends; one that is worse than zeros is left out.
   */
  readonly start?: Pick<LinearProbe, "weight" | "bias"> | undefined;
}

function assertFinite({ values, dim }: FeatureRows): void {
  const place = values.findIndex((value) => !Number.isFinite(value));
  if (place === -1) return;
  throw new ClipError(
    "bad-argument",
    `Features should be finite numbers; row ${Math.floor(place / dim)} holds ${values[place]}.`,
  );
}

/** The classes that have rows, and each row's place among them. */
function presentClasses(labels: ArrayLike<number>): { present: number[]; places: Int32Array } {
  const present = [...new Set(Array.from(labels))].toSorted((a, b) => a - b);
  const placeOf = new Map(present.map((label, place) => [label, place]));
  return { present, places: Int32Array.from(labels, (label) => placeOf.get(label)!) };
}

function assertTwoClasses(present: readonly number[], rows: number): void {
  if (present.length > 1) return;
  throw new ClipError(
    "bad-argument",
    `A probe tells classes apart, so its rows should be of two at least; all ${rows} are of class ${present[0]}.`,
    { data: { rows, classes: present } },
  );
}

function assertPenalty(inversePenalty: number): void {
  if (inversePenalty > 0 && Number.isFinite(inversePenalty)) return;
  throw new ClipError("bad-argument", `The inverse penalty should be a positive number, got ${inversePenalty}.`, {
    data: { inversePenalty },
  });
}

/** Logit of a class that has no rows: below all others. */
const never = Math.fround(-3e38);

/** What a point [present, dim + 1] is made of. */
interface PointShape {
  readonly present: readonly number[];
  readonly dim: number;
}

/** The point [present, dim + 1] of a probe, zeros for classes that it does not know; all zeros without one. */
function pack(start: LinearProbeOptions["start"], { present, dim }: PointShape): Float64Array {
  const point = new Float64Array(present.length * (dim + 1));
  if (start === undefined) return point;
  const { weight, bias } = start;
  if (weight.dim !== dim) {
    throw new ClipError(
      "bad-argument",
      `A probe to begin with should have weights of ${dim} numbers like the features, got ${weight.dim}.`,
      { data: { expected: dim, got: weight.dim } },
    );
  }
  present.forEach((label, place) => {
    if (label >= weight.rows || bias[label] === never) return;
    point.set(weight.values.subarray(label * dim, (label + 1) * dim), place * (dim + 1));
    point[place * (dim + 1) + dim] = bias[label]!;
  });
  centreClasses(point, present.length);
  return point;
}

/** Minimises from a point, or from zeros where the loss is no higher. */
async function descendFrom(
  point: Float64Array,
  objective: ProbeObjective,
  options: NewtonOptions,
): Promise<NewtonMinimum> {
  const isZero = largest(point) === 0;
  const isWorse = !isZero && !((await objective.estimate(point)).value < objective.valueAtZero);
  return minimizeByNewton(objective, isWorse ? new Float64Array(point.length) : point, options);
}

/** Weight and bias of every class from a point [present, dim + 1]. */
function unpack(
  point: Float64Array,
  present: readonly number[],
  { classes, dim }: { readonly classes: number; readonly dim: number },
): Pick<LinearProbe, "weight" | "bias"> {
  const weight = new Float32Array(classes * dim);
  const bias = new Float32Array(classes).fill(never);
  present.forEach((label, place) => {
    const start = place * (dim + 1);
    weight.set(point.subarray(start, start + dim), label * dim);
    bias[label] = point[start + dim]!;
  });
  return { weight: { values: weight, rows: classes, dim }, bias };
}

/**
 * Fits a logistic regression on frozen features, as CLIP is evaluated (Radford et al. 2021,
 * arXiv:2103.00020, section 3.2), to scikit-learn's minimum: by Newton's method, on tfjs's engine until the
 * minimum is near, then with values and slopes in float64. Two classes share one weight as in scikit-learn, which holds
 * half of it for each here. Classes without rows are never predicted.
 * features [rows, dim]; `labels[row]` is the row's class.
 * @throws ClipError "bad-argument" if labels do not fit the rows or are all the same, the penalty is not a
 * positive number, a feature is not finite or `start` is for features of another length.
 */
export async function fitLinearProbe(
  features: FeatureRows,
  labels: ArrayLike<number>,
  { inversePenalty = 0.316, classes: least = 2, start, ...options }: LinearProbeOptions = {},
): Promise<LinearProbe> {
  const classes = Math.max(least, countClasses(features, labels));
  assertPenalty(inversePenalty);
  assertFinite(features);
  const { rows, dim } = features;
  const { present, places } = presentClasses(labels);
  assertTwoClasses(present, rows);
  // ‖weight‖² of two halves is half that of the one that scikit-learn penalises.
  const halves = present.length === 2 ? 2 : 1;
  const objective = probeObjective({
    features,
    labels: places,
    classes: present.length,
    penalty: halves / (2 * inversePenalty * rows),
  });
  const { point, value, iterations, converged } = await descendFrom(
    pack(start, { present, dim }),
    objective,
    options,
  ).finally(objective.dispose);
  return { ...unpack(point, present, { classes, dim }), loss: value, iterations, converged };
}

/** The class of the highest logit for each row. [rows, dim] → [rows]. */
export async function predictClasses(
  { weight, bias }: LinearProbe,
  { values, rows, dim }: FeatureRows,
): Promise<Int32Array> {
  const classes = tidy(() => {
    const matrix = tensor2d(weight.values, [weight.rows, weight.dim]);
    const logits = matMul(tensor2d(values, [rows, dim]), matrix, false, true);
    return argMax(add(logits, tensor1d(bias)), 1);
  });
  const predicted = (await classes.data()) as Int32Array;
  classes.dispose();
  return predicted;
}
