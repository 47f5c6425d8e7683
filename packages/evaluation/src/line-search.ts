import { dot, plus } from "./vectors.ts";

/** A function's value at a point and its slope there. */
export interface Evaluated {
  readonly value: number;
  readonly gradient: Float64Array;
}

/** A point and what the function is there. */
export interface Place extends Evaluated {
  readonly point: Float64Array;
}

/** Where a search along a line ended. */
export interface LineSearch {
  /** A lower place, so far as rounding lets it be seen; none if no step leads down. */
  readonly lower?: Place;
  /**
   * Without a lower place: whether the function is smooth and convex so far as can be seen and rounding
   * hides the way down, so that the start is as low as can be told.
   */
  readonly isRounding: boolean;
}

/** Share of the slope's promise that a step must keep (Armijo). */
const sufficient = 1e-4;
/** Share of the slope to which the function may climb again at the end of a step. */
const climbing = 0.8;
const smallestStep = 1e-10;
/** Share of a value below which a change of it may be lost: some roundings of float32. */
const lost = 1e-6;

/** Whether the function keeps what the slope promised of a step, or is flatter at its end where rounding hides that. */
function isLower(
  start: Evaluated & { readonly slope: number },
  end: Evaluated & { readonly slope: number },
  length: number,
): boolean {
  const fall = start.value - end.value;
  if (fall > 0 && fall >= -sufficient * length * start.slope) return true;
  const isHidden = -fall <= lost * Math.abs(start.value);
  return isHidden && start.slope < end.slope && end.slope <= -climbing * start.slope;
}

/**
 * Halves the step from `start` along `direction`, which leads down, until it keeps enough of what the
 * slope promises; or, where rounding hides a change so small, until the slope at its end is flatter
 * (after the approximate Wolfe conditions of Hager & Zhang 2005, doi:10.1137/030601880). If no step does,
 * the longest one with a finite value tells why: a convex function that climbs at its end has its floor
 * between, too shallow to be seen; one that still falls there must lie lower, unless the whole promise is
 * too small to be seen.
 */
export async function searchLine(
  evaluate: (point: Float64Array) => Promise<Evaluated>,
  start: Place,
  direction: Float64Array,
): Promise<LineSearch> {
  const slope = dot(start.gradient, direction);
  const visible = lost * Math.abs(start.value);
  let isRounding: boolean | undefined;
  for (let length = 1; length > smallestStep; length /= 2) {
    const point = plus(start.point, length, direction);
    const reached = await evaluate(point);
    const end = { ...reached, slope: dot(reached.gradient, direction) };
    if (isLower({ ...start, slope }, end, length)) {
      return { lower: { point, ...reached }, isRounding: false };
    }
    if (Number.isFinite(end.value)) isRounding ??= end.slope >= 0 || -slope * length <= visible;
  }
  return { isRounding: isRounding ?? false };
}
