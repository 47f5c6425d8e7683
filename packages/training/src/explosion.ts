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
