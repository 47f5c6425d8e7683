import type { Numbers } from "./program.ts";

/** Results of a step that must be numbers, or its state stays as it was. */
export const guarded = ["loss", "gradNorm"] as const;

/** Whether training can go on from a step with these results. */
export const isFiniteStep = (numbers: Numbers): boolean =>
  guarded.every((name) => Number.isFinite(numbers[name]));
