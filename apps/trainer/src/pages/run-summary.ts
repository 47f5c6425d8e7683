import type { Point } from "./metrics.ts";

/** Where a run stands. */
export type RunState =
  /** A process trains it at this moment. */
  | "running"
  | "done"
  | "stopped early"
  /** By ctrl-C or a scheduler, with a checkpoint. */
  | "interrupted"
  /** Its loss was no number any more. */
  | "diverged"
  /** By another error. */
  | "failed"
  /** Its process vanished without a word. */
  | "killed"
  /** Neither ended nor running; an old run, which kept no record. */
  | "unfinished";

/** A number that evaluation reports, over a run. */
export interface EvaluationSummary {
  readonly best: number;
  /** The step of the best, from 1. */
  readonly step: number;
  readonly last: number;
}

/** A setting that a run went on with another value of. */
export interface SettingChange {
  readonly step: number;
  readonly key: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/** One run, as tables and plots need it. */
export interface RunSummary {
  /** What tells it from the others: its place below the folder that was named. */
  readonly name: string;
  readonly folder: string;
  readonly state: RunState;
  /** Of an error, what it said. */
  readonly reason?: string | undefined;
  /** Steps taken, and asked for where the settings can be read. */
  readonly steps: number;
  readonly asked?: number | undefined;
  /** Means of ten lines of metrics: one batch's loss is noise. */
  readonly loss?: { readonly last: number; readonly best: number; readonly bestStep: number } | undefined;
  readonly evaluations: Readonly<Record<string, EvaluationSummary>>;
  /** The median over steps, so that compiling does not count. */
  readonly imagesPerSecond?: number | undefined;
  /** Share of the steps' time that waited for data. */
  readonly waitShare?: number | undefined;
  /** Milliseconds that processes trained it, evaluation included. */
  readonly wallMs: number;
  /** Preset, or the model that it began from. */
  readonly model: string;
  readonly engine: string;
  /** The newest checkpoint's name. */
  readonly checkpoint?: string | undefined;
  /** Settings by their places, such as `schedule.learningRate`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly changes: readonly SettingChange[];
  /** Curves by the names of metrics, thinned. */
  readonly curves: Readonly<Record<string, readonly Point[]>>;
}
