import { duration } from "../../cli/text.ts";

/** Counts up over all shards, on a terminal in place, elsewhere in a line every ten seconds. */
export interface EmbedProgress {
  /** So many samples more. */
  readonly add: (samples: number) => void;
  /** Ends the line. */
  readonly finish: () => void;
}

/** Samples of a run: those that are done already count, but not for the pace. */
export interface ProgressTotals {
  readonly total: number;
  readonly done: number;
}

/** How far the run is: "embed: 12800 of 100000  212 images/s  eta 6:51". */
export function embedLine({ total, done }: ProgressTotals, ms: number, here: number): string {
  const perSecond = (1000 * here) / Math.max(1, ms);
  const left = here === 0 ? "" : `  eta ${duration((1000 * (total - done)) / perSecond)}`;
  return `embed: ${done} of ${total}  ${perSecond.toFixed(perSecond < 10 ? 1 : 0)} images/s${left}`;
}

/** Begins to count. */
export function embedProgress({ total, done }: ProgressTotals): EmbedProgress {
  const isTerminal = process.stderr.isTTY;
  const start = performance.now();
  let shownAt = start;
  let here = 0;
  const show = (): void => {
    shownAt = performance.now();
    const line = embedLine({ total, done: done + here }, shownAt - start, here);
    process.stderr.write(isTerminal ? `\r\u001B[2K${line}` : `${line}\n`);
  };
  return {
    add(samples) {
      here += samples;
      if (performance.now() - shownAt >= (isTerminal ? 200 : 10_000)) show();
    },
    finish() {
      if (here === 0) return;
      show();
      if (isTerminal) process.stderr.write("\n");
    },
  };
}
