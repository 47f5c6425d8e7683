import type { Communicator } from "@clip-ts/distributed";
import type { ToldNumbers } from "@clip-ts/jit";

/** What a rank says beside its gradients. */
export interface OwnNumbers {
  /** Whether it was asked to end. */
  readonly stop: () => boolean;
  /** Pairs that it could not use and has not told of. */
  readonly untold: () => number;
}

/** What all ranks know after a step, and therefore do alike. */
export interface Agreement {
  /** For the exchange of each step. */
  readonly numbers: ToldNumbers;
  /** Whether some rank was asked to end. */
  readonly shouldStop: () => boolean;
  /** Whether some rank has a pair to tell of. */
  readonly hasNews: () => boolean;
}

/** Numbers that ride along with the gradients of each step: they cost no message of their own. */
export function createAgreement(own: OwnNumbers): Agreement {
  let [stops, news] = [0, 0];
  return {
    numbers: {
      give: () => ({ stop: own.stop() ? 1 : 0, untold: own.untold() }),
      take({ stop = 0, untold = 0 }) {
        stops = stop;
        news = untold;
      },
    },
    shouldStop: () => stops > 0,
    hasNews: () => news > 0,
  };
}

/** Whether processes work together, or this one is alone. */
export const isShared = ({ size }: Pick<Communicator, "size">): boolean => size > 1;
