/** Turns ctrl-C into a question that the training loop asks. */
export interface Interruption {
  readonly requested: () => boolean;
  /** Stops listening. */
  readonly release: () => void;
}

/** A launcher may pass on a signal that the terminal has sent to us as well. */
const echoMs = 1000;

/** Listens for ctrl-C and SIGTERM: the first asks for a clean end, a later one ends the process. */
export function watchInterruption(): Interruption {
  let askedAt: number | undefined;
  const onSignal = (): void => {
    if (askedAt !== undefined && performance.now() - askedAt > echoMs) process.exit(130);
    if (askedAt !== undefined) return;
    askedAt = performance.now();
    process.stderr.write("\nStopping after this step and saving (again: stop at once) …\n");
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    requested: () => askedAt !== undefined,
    release() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
