import { setImmediate, setTimeout } from "node:timers/promises";

/** Milliseconds that are spent asking without a pause, which is as long as short calls take. */
const briskMs = 1;

/** Milliseconds between questions after that: the least that Node's timers know. */
const pauseMs = 1;

/**
 * Asks again and again whether a call is done, and leaves the processor to others in between. A library of MPI passes
 * on what there is whenever it is asked.
 */
export async function askUntil(isDone: () => boolean): Promise<void> {
  const from = performance.now();
  while (!isDone()) await (performance.now() - from < briskMs ? setImmediate() : setTimeout(pauseMs));
}
