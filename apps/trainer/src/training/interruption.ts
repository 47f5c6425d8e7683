/** What asks a run to end: ctrl-C, a scheduler, a terminal that was closed. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Turns ctrl-C into a question that the training loop asks. */
export interface Interruption {
  readonly requested: () => boolean;
  /** Stops listening. */
  readonly release: () => void;
}

/** A launcher may pass on a signal that the terminal has sent to us as well. */
const echoMs = 1000;

/** Listens for ctrl-C, SIGTERM and SIGHUP: the first asks for a clean end, a later one ends the process. */
export function watchInterruption(): Interruption {
  let askedAt: number | undefined;
  const onSignal = (): void => {
    if (askedAt !== undefined && performance.now() - askedAt > echoMs) process.exit(130);
    if (askedAt !== undefined) return;
    askedAt = performance.now();
    process.stderr.write("\nStopping after this step and saving (again: stop at once) …\n");
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    requested: () => askedAt !== undefined,
    release() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
