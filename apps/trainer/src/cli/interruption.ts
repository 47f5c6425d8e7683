import { note } from "./output.ts";

/**
 * What asks a process to end: ctrl-C, a scheduler, a terminal that was closed; and a signal that launchers of several
 * processes pass on to all of them, where they answer the others by ending them.
 */
const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"] as const;

/** A launcher may pass on a signal that the terminal has sent to us as well. */
const echoMs = 1000;

/** Whether somebody asked for an end. */
export interface Interruption {
  readonly requested: () => boolean;
  /** Resolves when somebody does. */
  readonly asked: Promise<void>;
  /** Stops listening. */
  readonly release: () => void;
}

/** Listens for ctrl-C, SIGTERM, SIGHUP and SIGUSR2: the first is answered by `said`, a later one ends the process. */
export function watchInterruption(said: string): Interruption {
  let askedAt: number | undefined;
  let tell = (): void => undefined;
  const asked = new Promise<void>((resolve) => (tell = resolve));
  const onSignal = (): void => {
    if (askedAt !== undefined && performance.now() - askedAt > echoMs) process.exit(130);
    if (askedAt !== undefined) return;
    askedAt = performance.now();
    note(`\n${said} (again: stop at once) …`);
    tell();
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    requested: () => askedAt !== undefined,
    asked,
    release() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
