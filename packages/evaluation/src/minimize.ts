import { ClipError } from "@clip-ts/base";
import { searchLine, type Evaluated, type Place } from "./line-search.ts";
import { dot, largest, plus } from "./vectors.ts";

export type { Evaluated };

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

function assertFinite({ value, gradient }: Evaluated): void {
  const steepest = largest(gradient);
  if (Number.isFinite(value) && Number.isFinite(steepest)) return;
  throw new ClipError(
    "diverged",
    `A function should be finite where its minimum is searched from; its value is ${value} and the ` +
      `largest entry of its gradient ${steepest}. Look for NaN or infinity in what it is computed from.`,
    { data: { value, steepest } },
  );
}

function refuseFirstStep({ value, gradient }: Evaluated): never {
  const steepest = largest(gradient);
  throw new ClipError(
    "diverged",
    `A step against the gradient should lead down, but none does from the start, where the value is ` +
      `${value} and the largest entry of the gradient ${steepest}: the values and the gradient do not ` +
      `belong to one smooth convex function. Try another engine.`,
    { data: { value, steepest } },
  );
}

function pairOf(from: Place, to: Place): Pair {
  const [step, change] = [plus(to.point, -1, from.point), plus(to.gradient, -1, from.gradient)];
  return { step, change, curvature: dot(step, change) };
}

/**
 * Minimises a smooth convex function by L-BFGS with backtracking (Liu & Nocedal 1989,
 * doi:10.1007/BF01589116). The caller owns what comes back; `start` is left as it is.
 * @throws ClipError "diverged" if the function is not finite at the start, or if not even the first step
 * leads down although the gradient promises it.
 */
export async function minimize(
  evaluate: (point: Float64Array) => Promise<Evaluated>,
  start: Float64Array,
  { maxIterations = 1000, tolerance = 1e-4 }: MinimizeOptions = {},
): Promise<Minimum> {
  let place: Place = { point: start, ...(await evaluate(start)) };
  assertFinite(place);
  let pairs: readonly Pair[] = [];
  let iterations = 0;
  while (iterations < maxIterations && largest(place.gradient) > tolerance) {
    const direction = descentDirection(place.gradient, pairs);
    const { lower, isRounding } = await searchLine(evaluate, place, direction);
    if (lower === undefined) {
      if (iterations === 0 && !isRounding) refuseFirstStep(place);
      break; // rounding hides any further descent
    }
    const pair = pairOf(place, lower);
    if (pair.curvature > 0) pairs = [...pairs, pair].slice(-memory);
    place = lower;
    iterations++;
  }
  const { point, value, gradient } = place;
  return { point, value, iterations, converged: largest(gradient) <= tolerance };
}
