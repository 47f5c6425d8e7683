import { note } from "../../cli/output.ts";
import { duration, percent, terminalColumns, wrap } from "../../cli/text.ts";
import type { RunOptions } from "../../config/options.ts";

/** How long a run waited for batches. */
export interface DataWait {
  /** Milliseconds of waiting. */
  readonly dataMs: number;
  /** Milliseconds of all steps: waiting and computing, compiling included; not evaluation, not checkpoints. */
  readonly ms: number;
  /** The first of the second. */
  readonly share: number;
}

/** The share of some time that went by in waiting; 0 of no time. */
export const waitShare = (dataMs: number, ms: number): number => (ms > 0 ? dataMs / ms : 0);

/** Adds up what steps waited. */
export function createWaitTally(): { took(dataMs: number, ms: number): void; waited(): DataWait } {
  let [data, all] = [0, 0];
  return {
    took(dataMs, ms) {
      data += dataMs;
      all += ms;
    },
    waited: () => ({ dataMs: data, ms: all, share: waitShare(data, all) }),
  };
}

/** From this share on, and after so many milliseconds of it, waiting is worth a word. */
const high = 0.1;
const longMs = 10_000;

/** What of a run decides how fast its batches come. */
type Loading = Pick<RunOptions["data"], "train" | "augment" | "prefetch"> & {
  /** How shards are read. */
  readonly loading?: { readonly workers?: number | undefined; readonly decode?: string | undefined } | undefined;
};

/** Kinds of data that threads read shard by shard. */
const shardKinds: ReadonlySet<string> = new Set(["webdataset", "parquet", "mds"]);

/** What makes batches come faster, for the settings of a run, most helpful first. */
function remedies({ train, augment, loading = {}, prefetch }: Loading): string[] {
  if (train.kind === "tensors") return [];
  const { workers, decode } = loading;
  const now = workers === undefined ? "one fewer than cores now" : `${workers} now`;
  const ofShards = [
    `more threads that read and decode, if cores are free: data.workers (${now})`,
    ...(decode === "exact" ? ["data.decode: fast"] : []),
  ];
  const ofPairs = [
    "shards, which threads read and decode (data.workers): clip-ts data prepare writes them from any data",
    ...(augment === undefined ? [] : ['"data.view" in place of "data.augment": several times faster']),
  ];
  return [
    ...(shardKinds.has(train.kind) ? ofShards : ofPairs),
    "pictures stored no larger than the model takes them",
    `more batches made ahead, if the wait comes and goes: "data.prefetch" (${prefetch} now)`,
  ];
}

/** What is said of a wait when a run ends: a line, and what to do about it if it was long. */
export function describeWait({ dataMs, ms, share }: DataWait, loading: Loading): string[] {
  const said = `wait    ${percent(share)} of the time waited for data (${duration(dataMs)} of ${duration(ms)})`;
  const helping = remedies(loading);
  if (share < high || dataMs < longMs || helping.length === 0) return [said];
  const indent = " ".repeat(8);
  const items = helping.flatMap((remedy) => wrap(`- ${remedy}`, terminalColumns - 10));
  const hung = items.map((line) => indent + (line.startsWith("- ") ? line : `  ${line}`));
  return [said, `${indent}The engine stood still meanwhile. What helps:`, ...hung];
}

/** Says how long a run that took steps waited. */
export function noteWait(wait: DataWait, loading: Loading): void {
  if (wait.ms === 0) return;
  for (const line of describeWait(wait, loading)) note(line);
}
