/** Work that pauses wherever it may be left for a while, and gives its result at the end. */
export type Yielding<Result> = Generator<void, Result>;

/** Milliseconds of work before it yields to the event loop. */
const sliceMs = 40;

/** Items of a loop that are done between two places where work may yield. */
const pieceLength = 2 ** 17;

/**
 * Does `work` for the numbers from 0 up to `count`, piece by piece. The loops stay in plain functions,
 * which engines run much faster than generators.
 */
export function* inPieces(
  count: number,
  work: (start: number, end: number) => void,
  length: number = pieceLength,
): Yielding<void> {
  for (let start = 0; start < count; start += length) {
    work(start, Math.min(start + length, count));
    yield;
  }
}

/** Does all steps at once. */
export function runThrough<Result>(steps: Yielding<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** A function to call between pieces of work: it yields to the event loop whenever 40 ms have passed since the last time. */
export function createYield(): () => Promise<void> {
  let end = Date.now() + sliceMs;
  return async () => {
    if (Date.now() < end) return;
    await yieldToEventLoop();
    end = Date.now() + sliceMs;
  };
}

function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

/**
 * Does all steps, and yields to the event loop, to timers, input and other work of the thread,
 * whenever this has taken 40 ms. Steps that end sooner are done at once.
 */
export async function runYielding<Result>(steps: Yielding<Result>): Promise<Result> {
  for (;;) {
    const end = Date.now() + sliceMs;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (Date.now() < end);
    await yieldToEventLoop();
  }
}
