import { add, div, mean, mul, rsqrt, square, sub, type Tensor } from "@tensorflow/tfjs-core";
import { scalarNamed, times, type ScalarValue } from "./schedule.ts";
import { decayed, type UpdateRule } from "./update-rules.ts";

/** Settings of big_vision's Adafactor; the defaults are its own. */
export interface AdafactorConfig {
  readonly kind: "adafactor";
  /** How slowly the mean update changes; 0 keeps none. Default 0.9. */
  readonly momentum?: number;
  /** The mean square of step t, counted from 1, changes by t to the power of minus this. Default 0.8. */
  readonly decayRate?: number;
  /** The most that it keeps of the steps before. Default 0.999. */
  readonly beta2Cap?: number;
  /** Added to squares. Default 1e-30. */
  readonly eps?: number;
  /** Leaves with two axes of at least so many are kept as rows and columns. Default 32. */
  readonly minDimToFactor?: number;
  /** Decoupled decay, times the learning rate. Default 0. */
  readonly weightDecay?: number;
}

/** The second largest and the largest axis, the last of equal ones; undefined for a leaf that is kept whole. */
export function factoredAxes(shape: readonly number[], least: number): readonly [number, number] | undefined {
  const axes = [...shape.keys()].toSorted((a, b) => (shape[a] as number) - (shape[b] as number) || a - b);
  const [columns, rows] = axes.slice(-2);
  if (columns === undefined || rows === undefined || (shape[columns] as number) < least) return undefined;
  return [columns, rows];
}

/** A shape with one axis of 1. */
const without = (shape: readonly number[], axis: number): number[] => shape.map((size, at) => (at === axis ? 1 : size));

/** What a leaf has no use for. */
const none: readonly number[] = [1];

/** `before` moved towards `now` by a share. */
const towards = (before: Tensor, now: Tensor, share: ScalarValue): Tensor => add(before, mul(sub(now, before), share));

/** What is kept of a leaf's mean squares. */
interface MeanSquares {
  readonly second: Tensor;
  readonly rows: Tensor;
  readonly columns: Tensor;
}

/** The same after a step, and the gradient by its root. */
interface Scaled extends MeanSquares {
  readonly update: Tensor;
}

/** A gradient, its squares, and how much of them enters the mean. */
interface Squared {
  readonly grad: Tensor;
  readonly squares: Tensor;
  readonly share: ScalarValue;
}

function scaledWhole({ second, rows, columns }: MeanSquares, { grad, squares, share }: Squared): Scaled {
  const next = towards(second, squares, share);
  return { second: next, rows: rows.clone(), columns: columns.clone(), update: mul(grad, rsqrt(next)) };
}

function scaledByFactors(
  { second, rows, columns }: MeanSquares,
  { grad, squares, share }: Squared,
  [c, r]: readonly [number, number],
): Scaled {
  const ofRows = towards(rows, mean(squares, r, true), share);
  const ofColumns = towards(columns, mean(squares, c, true), share);
  const rowFactor = rsqrt(div(ofRows, mean(ofRows, c, true)));
  const update = mul(mul(grad, rowFactor), rsqrt(ofColumns));
  return { second: second.clone(), rows: ofRows, columns: ofColumns, update };
}

/**
 * Adafactor (Shazeer and Stern 2018, arXiv:1804.04235) as big_vision has it (Zhai et al. 2022, arXiv:2106.04560): the
 * mean square of a matrix is kept as that of its rows and of its columns, so that AdamW's second moment takes next to
 * no memory; no steps relative to the parameter, no clipping by a leaf's own size; momentum of the update. big_vision
 * keeps momentum in bf16, here it is f32.
 */
export function adafactor(config: AdafactorConfig): UpdateRule {
  const { momentum = 0.9, decayRate = 0.8, beta2Cap = 0.999, eps = 1e-30, minDimToFactor = 32 } = config;
  return {
    slots: ["momentum", "second", "rows", "columns"],
    slotShapes(shape) {
      const axes = factoredAxes(shape, minDimToFactor);
      const running = momentum === 0 ? none : shape;
      if (axes === undefined) return [running, shape, none, none];
      return [running, none, without(shape, axes[1]), without(shape, axes[0])];
    },
    scalars: (step, learningRate) => ({
      learningRate,
      squareShare: 1 - Math.min(beta2Cap, 1 - (step + 1) ** -decayRate),
    }),
    apply({ param, grad, slots, scalars, weightDecay, multiplier }) {
      const [running, second, rows, columns] = slots as [Tensor, Tensor, Tensor, Tensor];
      const rate = times(scalarNamed(scalars, "learningRate"), multiplier);
      const squared = { grad, squares: add(square(grad), eps), share: scalarNamed(scalars, "squareShare") };
      const axes = factoredAxes(param.shape, minDimToFactor);
      const kept = { second, rows, columns };
      const next = axes === undefined ? scaledWhole(kept, squared) : scaledByFactors(kept, squared, axes);
      const direction = momentum === 0 ? next.update : towards(running, next.update, 1 - momentum);
      const moved = sub(decayed(param, rate, weightDecay), mul(direction, rate));
      return [moved, momentum === 0 ? running.clone() : direction, next.second, next.rows, next.columns];
    },
  };
}
