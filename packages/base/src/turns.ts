/** Work that pauses wherever it may be left for a while, and gives its result at the end. */
export type Steps<Result> = Generator<void, Result>;

/** Milliseconds of work before others get a turn. */
const turnMs = 40;

/** Items of a loop that are done between two chances for a turn. */
const pieceLength = 2 ** 17;

/**
 * Does `work` for the numbers from 0 up to `count`, piece by piece. The loops stay in plain functions,
 * which engines run much faster than generators.
 */
export function* inPieces(
  count: number,
  work: (start: number, end: number) => void,
  length: number = pieceLength,
): Steps<void> {
  for (let start = 0; start < count; start += length) {
    work(start, Math.min(start + length, count));
    yield;
  }
}

/** Does all steps at once. */
export function runThrough<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** A function to call between pieces of work: others get a turn whenever 40 ms have passed since the last one. */
export function turnTaker(): () => Promise<void> {
  let end = Date.now() + turnMs;
  return async () => {
    if (Date.now() < end) return;
    await nextTurn();
    end = Date.now() + turnMs;
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

/**
 * Does all steps, and lets timers, input and other work of the thread have a turn whenever this has
 * taken 40 ms. Steps that end sooner are done at once.
 */
export async function runInTurns<Result>(steps: Steps<Result>): Promise<Result> {
  for (;;) {
    const end = Date.now() + turnMs;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (Date.now() < end);
    await nextTurn();
  }
}
