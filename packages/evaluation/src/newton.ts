import type { Evaluated } from "./line-search.ts";
import { dot, largest, plus } from "./vectors.ts";

/** The second derivatives of a function at a point. */
export interface Curvature {
  /** Hessian · vector; a few digits are enough. */
  readonly times: (vector: Float64Array) => Promise<Float64Array>;
  /** Roughly the inverse of the Hessian · vector. */
  readonly precondition: (vector: Float64Array) => Float64Array;
}

/** A smooth convex function whose values and slopes are known to all digits of float64. */
export interface ConvexFunction {
  readonly evaluate: (point: Float64Array) => Evaluated;
  /** Runs `use` with the curvature where `evaluate` was last asked. */
  readonly withCurvature: <Result>(
    use: (curvature: Curvature) => Promise<Result>,
  ) => Promise<Result>;
}

/** When to stop. */
export interface NewtonOptions {
  /** Most Newton steps (default 100). */
  readonly maxIterations?: number | undefined;
  /** Share of the value that a minimum may lie below, by the slope and the curvature (default 1e-8). */
  readonly tolerance?: number | undefined;
}

/** Where the search ended. */
export interface NewtonMinimum extends Evaluated {
  readonly point: Float64Array;
  readonly iterations: number;
  /** Whether what may still be gained is within the tolerance, and the slope below scikit-learn's own. */
  readonly converged: boolean;
}

/** Where the equation of Newton's step was left. */
interface NewtonStep {
  readonly direction: Float64Array;
  /** Whether the residual is small, so that the step tells how far below the minimum lies. */
  readonly isSolved: boolean;
}

const mostProducts = 250;
/** Length of the residual at which the equation counts as solved, by the start's, both preconditioned. */
const residualShare = 0.03;
/** Largest entry of the slope at a minimum: scikit-learn's default. */
const flatSlope = 1e-4;
/** Share of the slope's promise that a step must keep (Armijo). */
const sufficient = 1e-4;
const smallestStep = 1e-12;

/** Solves Hessian · direction = -gradient by preconditioned conjugate gradients. */
async function newtonStep(gradient: Float64Array, curvature: Curvature): Promise<NewtonStep> {
  let direction: Float64Array = new Float64Array(gradient.length);
  let residual: Float64Array = gradient.map((value) => -value);
  let preconditioned = curvature.precondition(residual);
  let search: Float64Array = preconditioned;
  let size = dot(residual, preconditioned);
  const enough = size * residualShare ** 2;
  for (let product = 0; product < mostProducts && size > enough; product++) {
    const bent = await curvature.times(search);
    const bend = dot(search, bent);
    if (!(bend > 0)) return { direction: product === 0 ? search : direction, isSolved: false };
    const length = size / bend;
    direction = plus(direction, length, search);
    residual = plus(residual, -length, bent);
    preconditioned = curvature.precondition(residual);
    const next = dot(residual, preconditioned);
    search = plus(preconditioned, next / size, search);
    size = next;
  }
  return { direction, isSolved: size <= enough };
}

/** Halves the step until it keeps enough of what the slope promises; undefined if none does. */
function descend(
  { evaluate }: ConvexFunction,
  start: Evaluated & { readonly point: Float64Array },
  direction: Float64Array,
): (Evaluated & { readonly point: Float64Array }) | undefined {
  const slope = dot(start.gradient, direction);
  if (!(slope < 0)) return undefined;
  for (let length = 1; length > smallestStep; length /= 2) {
    const point = plus(start.point, length, direction);
    const reached = evaluate(point);
    if (reached.value <= start.value + sufficient * length * slope) return { point, ...reached };
  }
  return undefined;
}

/** Whether a place is the minimum so far as the step from it tells. */
function isMinimum(
  { value, gradient }: Evaluated,
  { direction, isSolved }: NewtonStep,
  tolerance: number,
): boolean {
  const gain = -dot(gradient, direction) / 2;
  return isSolved && largest(gradient) <= flatSlope && gain >= 0 && gain <= tolerance * value;
}

/**
 * Minimises a smooth convex function by Newton's method with conjugate gradients (Nocedal & Wright 2006,
 * algorithm 7.1). Half the step's product with the slope, Newton's decrement, is what may still be gained, and
 * tells when to stop. The caller owns what comes back; `start` is left as it is.
 */
export async function minimizeByNewton(
  convex: ConvexFunction,
  start: Float64Array,
  { maxIterations = 100, tolerance = 1e-8 }: NewtonOptions = {},
): Promise<NewtonMinimum> {
  let place = { point: start, ...convex.evaluate(start) };
  let iterations = 0;
  let isThere = largest(place.gradient) === 0;
  while (!isThere && iterations < maxIterations) {
    const { gradient } = place;
    const step = await convex.withCurvature((curvature) => newtonStep(gradient, curvature));
    const lower = descend(convex, place, step.direction);
    isThere = isMinimum(place, step, tolerance);
    if (lower === undefined) break;
    place = lower;
    iterations++;
    isThere ||= largest(place.gradient) === 0;
  }
  return { ...place, iterations, converged: isThere };
}
