/** A function's value at a point and its slope there. */
export interface Evaluated {
  readonly value: number;
  readonly gradient: Float64Array;
}

/** When to stop. */
export interface MinimizeOptions {
  /** Most steps (default 1000). */
  readonly maxIterations?: number;
  /** Largest entry of the gradient at which the point counts as the minimum (default 1e-4). */
  readonly tolerance?: number;
}

/** Where the search ended. */
export interface Minimum {
  readonly point: Float64Array;
  readonly value: number;
  readonly iterations: number;
  /** Whether the gradient came within the tolerance. */
  readonly converged: boolean;
}

/** A step taken and how the gradient changed along it. */
interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  readonly curvature: number;
}

/** Pairs remembered: the usual number. */
const memory = 10;
/** Share of the slope's promise that a step must keep (Armijo). */
const sufficient = 1e-4;
const smallestStep = 1e-10;

const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, value, index) => sum + value * (b[index] as number), 0);

/** a + factor · b */
const plus = (a: Float64Array, factor: number, b: Float64Array): Float64Array =>
  a.map((value, index) => value + factor * (b[index] as number));

const largest = (values: Float64Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** −H·gradient, H being the inverse Hessian that the pairs tell (the two-loop recursion). */
function descentDirection(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const factors: number[] = [];
  let direction: Float64Array = gradient.map((value) => -value);
  for (const { step, change, curvature } of pairs.toReversed()) {
    const factor = dot(step, direction) / curvature;
    factors.push(factor);
    direction = plus(direction, -factor, change);
  }
  const last = pairs.at(-1);
  const scale =
    last === undefined
      ? 1 / Math.max(1, largest(gradient))
      : last.curvature / dot(last.change, last.change);
  direction = direction.map((value) => value * scale);
  pairs.forEach(({ step, change, curvature }, index) => {
    const correction = dot(change, direction) / curvature;
    direction = plus(direction, (factors.at(-1 - index) as number) - correction, step);
  });
  return direction;
}

/**
 * Minimises a smooth convex function by L-BFGS with backtracking (Liu & Nocedal 1989,
 * doi:10.1007/BF01589116). The caller owns what comes back; `start` is left as it is.
 */
export async function minimize(
  evaluate: (point: Float64Array) => Promise<Evaluated>,
  start: Float64Array,
  { maxIterations = 1000, tolerance = 1e-4 }: MinimizeOptions = {},
): Promise<Minimum> {
  let point = start;
  let { value, gradient } = await evaluate(point);
  let pairs: readonly Pair[] = [];
  let iterations = 0;
  while (iterations < maxIterations && largest(gradient) > tolerance) {
    const direction = descentDirection(gradient, pairs);
    const slope = dot(gradient, direction);
    let length = 1;
    let next = plus(point, length, direction);
    let found = await evaluate(next);
    while (!(found.value <= value + sufficient * length * slope) && length > smallestStep) {
      length /= 2;
      next = plus(point, length, direction);
      found = await evaluate(next);
    }
    if (!(found.value < value)) break; // rounding hides any further descent
    const [step, change] = [plus(next, -1, point), plus(found.gradient, -1, gradient)];
    const curvature = dot(step, change);
    if (curvature > 0) pairs = [...pairs, { step, change, curvature }].slice(-memory);
    [point, value, gradient] = [next, found.value, found.gradient];
    iterations++;
  }
  return { point, value, iterations, converged: largest(gradient) <= tolerance };
}
