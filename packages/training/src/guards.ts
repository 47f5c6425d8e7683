import { ClipError } from "@clip-ts/base";
import type { HostArray, HostArrays } from "@clip-ts/core";

/** A step whose loss or gradient is no number. */
export interface DivergedStep {
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly learningRate: number;
}

function lengthOf({ data }: HostArray): number {
  let squares = 0;
  for (const value of data) squares += value * value;
  return Math.sqrt(squares);
}

/** The parameters whose gradient is not finite, or has the largest norm if all are. */
function worstGradients(gradients: HostArrays): string {
  const norms = Object.entries(gradients).map(([path, leaf]) => [path, lengthOf(leaf)] as const);
  const broken = norms.filter(([, norm]) => !Number.isFinite(norm));
  const named = (broken.length > 0 ? broken : norms.toSorted((a, b) => b[1] - a[1])).slice(0, 3);
  const total = broken.length > 0 ? ` (${broken.length} of ${norms.length} not finite)` : "";
  return `${named.map(([path, norm]) => `${path} ${norm.toPrecision(3)}`).join(", ")}${total}`;
}

/** The error that ends a diverged training: where it happened and which gradients. */
export function diverged(facts: DivergedStep, gradients: HostArrays): ClipError {
  const { step, loss, gradNorm, learningRate } = facts;
  return new ClipError(
    "diverged",
    `Training diverged at step ${step}: loss ${loss}, gradient norm ${gradNorm}, ` +
      `learning rate ${learningRate.toPrecision(3)}.\n` +
      `  Gradients: ${worstGradients(gradients)}`,
    { data: { ...facts } },
  );
}

/** Watches losses for the step from which on a run was lost. */
export interface ExplosionWatch {
  /** Takes a step's loss, which was computed with the state before that step. */
  readonly note: (step: number, loss: number) => void;
  /** The first step whose loss is of a state gone wrong; undefined while all is well. */
  readonly since: () => number | undefined;
}

/** A loss this many times the usual one (and one more) is of a state that a step has thrown far off. */
const factor = 4;

/**
 * Tells a bad batch from an explosion: losses far above the average of those before count as exploded
 * until one is usual again.
 */
export function createExplosionWatch(): ExplosionWatch {
  let usual: number | undefined;
  let since: number | undefined;
  return {
    since: () => since,
    note(step, loss) {
      if (usual === undefined || loss <= factor * usual + 1) {
        usual = usual === undefined ? loss : 0.9 * usual + 0.1 * loss;
        since = undefined;
      } else {
        since ??= step;
      }
    },
  };
}
