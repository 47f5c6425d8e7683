/** A quantity that is shared: whoever wants some waits, in turn, until there is enough. */
export interface Budget {
  /**
   * Takes so much, all of it where more than all is wanted, and gives what returns it.
   * Rejects with the signal's reason once that is aborted.
   */
  take(amount: number, signal?: AbortSignal): Promise<() => void>;
  /** How many wait. */
  waiting(): number;
}

interface Waiting {
  readonly amount: number;
  readonly start: () => void;
}

/** A budget of so much. */
export function createBudget(total: number): Budget {
  let left = total;
  const queue = new Set<Waiting>();
  const startNext = (): void => {
    for (const next of queue) {
      if (next.amount > left) return;
      queue.delete(next);
      left -= next.amount;
      next.start();
    }
  };
  const giver = (amount: number) => {
    let isGiven = false;
    return (): void => {
      if (isGiven) return;
      isGiven = true;
      left += amount;
      startNext();
    };
  };
  return {
    waiting: () => queue.size,
    take(wanted, signal) {
      const amount = Math.min(wanted, total);
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason as Error);
        const onAbort = (): void => {
          queue.delete(waiting);
          reject(signal?.reason as Error);
          startNext(); // a smaller one may have stood behind
        };
        const waiting: Waiting = {
          amount,
          start: () => {
            signal?.removeEventListener("abort", onAbort);
            resolve(giver(amount));
          },
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        queue.add(waiting);
        startNext();
      });
    },
  };
}
