/** Σ aᵢ bᵢ */
function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}

/** a + factor · b */
function plus(a: Float64Array, factor: number, b: Float64Array): Float64Array {
  const sums = new Float64Array(a);
  for (let index = 0; index < a.length; index++) sums[index]! += factor * b[index]!;
  return sums;
}

/** max |aᵢ|; NaN if one is NaN. */
export function largest(a: Float64Array): number {
  return a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** A function's value at a point and its slope there. */
export interface Evaluated {
  readonly value: number;
  readonly gradient: Float64Array;
}

/** The second derivatives of a function at a point. */
export interface Curvature {
  /** Hessian · vector; a few digits are enough. */
  readonly times: (vector: Float64Array) => Promise<Float64Array>;
  /** Roughly the inverse of the Hessian · vector. */
  readonly precondition: (vector: Float64Array) => Float64Array;
}

/** A smooth convex function whose values and slopes are known to all digits of float64. */
export interface ConvexFunction {
  readonly evaluate: (point: Float64Array) => Promise<Evaluated>;
  /** What `evaluate` gives, sooner and with fewer digits: where the way is long, they are enough. */
  readonly estimate: (point: Float64Array) => Promise<Evaluated>;
  /** Runs `use` with the curvature where value and slope were last asked for. */
  readonly withCurvature: <Result>(use: (curvature: Curvature) => Promise<Result>) => Promise<Result>;
}

/** When to stop. */
export interface NewtonOptions {
  /** Most Newton steps (default 100). */
  readonly maxIterations?: number | undefined;
  /** Share of the value that a minimum may lie below, by the slope and the curvature (default 1e-8). */
  readonly tolerance?: number | undefined;
}

/** A point and what the function is there. */
interface Place extends Evaluated {
  readonly point: Float64Array;
}

/** By what a search goes, and how far. */
interface Sight {
  readonly tolerance: number;
  readonly evaluate: ConvexFunction["evaluate"];
  /** Share of a step below which none is tried. */
  readonly smallest: number;
}

/** Where the search ended. */
export interface NewtonMinimum extends Place {
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

const mostHessianProducts = 250;
/** Length of the residual at which the equation counts as solved, by the start's, both preconditioned. */
const residualShare = 0.03;
/** The same for a step that is far from the last: what more products gain is lost where the curvature changes. */
const roughResidualShare = 0.5;
/** Share of the value below which a step gains too little to be far from the last. */
const nearGain = 1e-5;
/** Largest entry of the slope at a minimum: scikit-learn's default. */
const flatSlope = 1e-4;
/** Share of the slope's promise that a step must keep (Armijo). */
const sufficient = 1e-4;
const smallestStep = 1e-12;
/** The same by estimates: where they ask for less, their rounding speaks. */
const smallestEstimatedStep = 1e-3;

/** Solves Hessian · direction = -gradient by preconditioned conjugate gradients, roughly where the way is long. */
async function newtonStep({ value, gradient }: Evaluated, curvature: Curvature): Promise<NewtonStep> {
  let direction: Float64Array = new Float64Array(gradient.length);
  let residual: Float64Array = gradient.map((slope) => -slope);
  let preconditioned = curvature.precondition(residual);
  let search: Float64Array = preconditioned;
  let size = dot(residual, preconditioned);
  const enough = size * residualShare ** 2;
  const roughlyEnough = size * roughResidualShare ** 2;
  let gain = 0;
  const isDone = (): boolean => size <= enough || (size <= roughlyEnough && gain > nearGain * value);
  for (let product = 0; product < mostHessianProducts && !isDone(); product++) {
    const bent = await curvature.times(search);
    const bend = dot(search, bent);
    if (!(bend > 0)) return { direction: product === 0 ? search : direction, isSolved: false };
    const length = size / bend;
    gain += (length * size) / 2;
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
async function descend(
  { evaluate, smallest }: Sight,
  start: Place,
  direction: Float64Array,
): Promise<Place | undefined> {
  const slope = dot(start.gradient, direction);
  if (!(slope < 0)) return undefined;
  for (let length = 1; length > smallest; length /= 2) {
    const point = plus(start.point, length, direction);
    const reached = await evaluate(point);
    if (reached.value <= start.value + sufficient * length * slope) return { point, ...reached };
  }
  return undefined;
}

/** Whether a place is the minimum so far as the step from it tells. */
function isMinimum({ value, gradient }: Evaluated, { direction, isSolved }: NewtonStep, tolerance: number): boolean {
  const gain = -dot(gradient, direction) / 2;
  return isSolved && largest(gradient) <= flatSlope && gain >= 0 && gain <= tolerance * value;
}

/** Steps from a place until there is no more to gain by what values and slopes say. */
async function search(
  convex: ConvexFunction,
  sight: Sight,
  start: Place,
  maxIterations: number,
): Promise<NewtonMinimum> {
  let place = start;
  let iterations = 0;
  let converged = largest(place.gradient) === 0;
  while (!converged && iterations < maxIterations) {
    const from = place;
    const step = await convex.withCurvature((curvature) => newtonStep(from, curvature));
    const lower = await descend(sight, place, step.direction);
    converged = isMinimum(place, step, sight.tolerance);
    if (lower === undefined) break;
    place = lower;
    iterations++;
    converged ||= largest(place.gradient) === 0;
  }
  return { ...place, iterations, converged };
}

/**
 * Minimises a smooth convex function by Newton's method with conjugate gradients (Nocedal & Wright 2006,
 * algorithm 7.1): by estimates as far as they lead, then by values and slopes of all digits. Half the step's
 * product with the slope, Newton's decrement, is what may still be gained, and tells when to stop. The caller
 * owns what comes back; `start` is left as it is.
 */
export async function minimizeByNewton(
  convex: ConvexFunction,
  start: Float64Array,
  { maxIterations = 100, tolerance = 1e-8 }: NewtonOptions = {},
): Promise<NewtonMinimum> {
  const seen = { point: start, ...(await convex.estimate(start)) };
  const near = await search(
    convex,
    {
      evaluate: convex.estimate,
      tolerance: Math.max(tolerance, nearGain),
      smallest: smallestEstimatedStep,
    },
    seen,
    maxIterations,
  );
  const sight = { evaluate: convex.evaluate, tolerance, smallest: smallestStep };
  const place = { point: near.point, ...(await convex.evaluate(near.point)) };
  // Estimates that led upwards, or to no number, are of no use.
  if (!(place.value <= seen.value * (1 + nearGain))) {
    return search(convex, sight, { point: start, ...(await convex.evaluate(start)) }, maxIterations);
  }
  const found = await search(convex, sight, place, maxIterations - near.iterations);
  return { ...found, iterations: near.iterations + found.iterations };
}
