import { ClipError } from "@clip-ts/base";
import { valueAndGradient } from "@clip-ts/core";
import {
  add,
  argMax,
  dispose,
  getBackend,
  logSoftmax,
  matMul,
  mean,
  mul,
  neg,
  oneHot,
  square,
  sum,
  tensor1d,
  tensor2d,
  tidy,
  type Tensor,
  type Tensor2D,
} from "@tensorflow/tfjs-core";
import type { FeatureRows } from "@clip-ts/core";
import { countClasses } from "./feature-rows.ts";
import { minimize, type Evaluated, type Minimum, type MinimizeOptions } from "./minimize.ts";

/** A linear classifier: logits = features · weightᵀ + bias. */
export interface LinearProbe {
  /** [classes, dim] */
  readonly weight: FeatureRows;
  /** [classes] */
  readonly bias: Float32Array;
  readonly iterations: number;
  /** Whether the gradient came within the tolerance; if not, the probe may not be the best one yet. */
  readonly converged: boolean;
}

/** How a probe is fitted. */
export interface LinearProbeOptions extends MinimizeOptions {
  /**
   * Inverse strength of the penalty, scikit-learn's `C`: minimised is the sum of cross-entropies plus
   * ‖weight‖² / 2C, divided by the number of rows. CLIP's paper took 0.316.
   */
  readonly inversePenalty?: number;
  /** Classes, if more than the labels name. */
  readonly classes?: number;
}

interface Objective {
  readonly features: Tensor2D;
  /** [rows, classes] */
  readonly targets: Tensor2D;
  /** Factor on ‖weight‖². */
  readonly penalty: number;
}

/** Loss and gradient at a point that holds the weight [classes, dim] and then the bias [classes]. */
async function evaluateAt(
  point: Float64Array,
  { features, targets, penalty }: Objective,
): Promise<Evaluated> {
  const [classes, dim] = [targets.shape[1], features.shape[1]];
  const params = {
    weight: tensor2d(Float32Array.from(point.subarray(0, classes * dim)), [classes, dim]),
    bias: tensor1d(Float32Array.from(point.subarray(classes * dim))),
  };
  const { value, gradient } = valueAndGradient(({ weight, bias }: typeof params) => {
    const logits = add(matMul(features, weight, false, true), bias);
    const entropy = neg(mean(sum(mul(targets, logSoftmax(logits)), 1)));
    return { loss: add(entropy, mul(sum(square(weight)), penalty)) };
  }, params);
  const read = async (leaf: Tensor): Promise<Float32Array> => (await leaf.data()) as Float32Array;
  const [[loss = Number.NaN], slope, shift] = await Promise.all([
    read(value),
    read(gradient.weight),
    read(gradient.bias),
  ]);
  dispose([params, value, gradient] as never);
  const flat = new Float64Array(point.length);
  flat.set(slope);
  flat.set(shift, slope.length);
  return { value: loss, gradient: flat };
}

function assertFinite({ values, dim }: FeatureRows): void {
  const place = values.findIndex((value) => !Number.isFinite(value));
  if (place === -1) return;
  throw new ClipError(
    "bad-argument",
    `Features should be finite numbers; row ${Math.floor(place / dim)} holds ${values[place]}.`,
  );
}

/** Share by which a loss may be off: float32 sums of a million rows drift by a few hundredths. */
const drift = 0.1;

/** All classes are as likely for a probe of zeros, whose loss is therefore known: log(classes). */
async function assertRightLoss(start: Float64Array, objective: Objective): Promise<void> {
  const expected = Math.log(objective.targets.shape[1]);
  const { value } = await evaluateAt(start, objective);
  if (Math.abs(value - expected) <= drift * expected) return;
  throw new ClipError(
    "unsupported",
    `The loss of a probe of zeros should be ${expected}, but the "${getBackend()}" backend computes ` +
      `${value}. Use another engine.`,
  );
}

async function minimizeFromZero(objective: Objective, options: MinimizeOptions): Promise<Minimum> {
  const [classes, dim] = [objective.targets.shape[1], objective.features.shape[1]];
  const start = new Float64Array(classes * dim + classes);
  await assertRightLoss(start, objective);
  return minimize((point) => evaluateAt(point, objective), start, options);
}

/**
 * Fits a logistic regression on frozen features by L-BFGS, as CLIP is evaluated (Radford et al. 2021,
 * arXiv:2103.00020, section 3.2). Products run on tfjs's engine.
 * features [rows, dim]; `labels[row]` is the row's class.
 * @throws ClipError "bad-argument" if labels do not fit the rows, the penalty is not positive or a feature is
 * not finite; "unsupported" if tfjs's engine computes a wrong loss; "diverged" as `minimize`.
 */
export async function fitLinearProbe(
  features: FeatureRows,
  labels: ArrayLike<number>,
  { inversePenalty = 0.316, classes: least = 2, ...options }: LinearProbeOptions = {},
): Promise<LinearProbe> {
  const classes = Math.max(least, countClasses(features, labels));
  if (!(inversePenalty > 0)) {
    throw new ClipError(
      "bad-argument",
      `The inverse penalty must be positive, got ${inversePenalty}.`,
    );
  }
  assertFinite(features);
  const { values, rows, dim } = features;
  const objective = {
    features: tensor2d(values, [rows, dim]),
    targets: tidy(() => oneHot(tensor1d(Array.from(labels), "int32"), classes, 1, 0, "float32")),
    penalty: 1 / (2 * inversePenalty * rows),
  } as Objective;
  const found = await minimizeFromZero(objective, options).finally(() => {
    dispose([objective.features, objective.targets]);
  });
  const flat = Float32Array.from(found.point);
  return {
    weight: { values: flat.subarray(0, classes * dim), rows: classes, dim },
    bias: flat.subarray(classes * dim),
    iterations: found.iterations,
    converged: found.converged,
  };
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
