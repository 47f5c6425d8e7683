import { duration } from "../../cli/text.ts";

/** Counts up over all shards, on a terminal in place, elsewhere in a line every ten seconds. */
export interface PictureProgress {
  /** So many samples more. */
  readonly add: (samples: number) => void;
  /** So many that turn out to be done already. */
  readonly skip: (samples: number) => void;
  /** Ends the line. */
  readonly finish: () => void;
}

/** Samples of a run: those that are done already count, but not for the pace. */
export interface ProgressTotals {
  /** The command. */
  readonly label: string;
  readonly total: number;
  readonly done: number;
}

/** How far the run is: "embed: 12800 of 100000  212 images/s  eta 6:51". */
export function pictureLine({ label, total, done }: ProgressTotals, ms: number, here: number): string {
  const perSecond = (1000 * here) / Math.max(1, ms);
  const left = here === 0 ? "" : `  eta ${duration((1000 * (total - done)) / perSecond)}`;
  return `${label}: ${done} of ${total}  ${perSecond.toFixed(perSecond < 10 ? 1 : 0)} images/s${left}`;
}

/** Begins to count. */
export function pictureProgress({ label, total, done }: ProgressTotals): PictureProgress {
  const isTerminal = process.stderr.isTTY;
  const start = performance.now();
  let shownAt = start;
  let [here, skipped] = [0, 0];
  const show = (): void => {
    shownAt = performance.now();
    const line = pictureLine({ label, total, done: done + skipped + here }, shownAt - start, here);
    process.stderr.write(isTerminal ? `\r\u001B[2K${line}` : `${line}\n`);
  };
  return {
    add(samples) {
      here += samples;
      if (performance.now() - shownAt >= (isTerminal ? 200 : 10_000)) show();
    },
    skip: (samples) => void (skipped += samples),
    finish() {
      if (here === 0) return;
      show();
      if (isTerminal) process.stderr.write("\n");
    },
  };
}
