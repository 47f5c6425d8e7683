import { readFile } from "node:fs/promises";

/** A line of `metrics.jsonl`: numbers by name, `step` among them. */
export type MetricsLine = Readonly<Record<string, number>>;

/** A value at a step. */
export type Point = Readonly<Record<"step" | "value", number>>;

function parseLine(line: string): MetricsLine[] {
  try {
    const numbers = JSON.parse(line) as MetricsLine | null;
    return typeof numbers === "object" && Number.isFinite(numbers?.["step"]) ? [numbers as MetricsLine] : [];
  } catch {
    return []; // empty, or being written
  }
}

/** The lines of a run's metrics that are whole; none of a file that is not there. */
export async function readMetrics(file: string): Promise<MetricsLine[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.split("\n").flatMap(parseLine);
}

/** The lines of steps; the others are of evaluations. */
export const stepLines = (lines: readonly MetricsLine[]): MetricsLine[] =>
  lines.filter((line) => line["computeMs"] !== undefined || line["loss"] !== undefined);

/** The numbers that evaluations left, such as `zeroShot.top1`. */
export const evaluationNames = (lines: readonly MetricsLine[]): string[] =>
  [...new Set(lines.flatMap((line) => Object.keys(line)))].filter((name) => name.includes("."));

/** Means over equal stretches of steps, `most` at most, so that long runs stay light and noise hides no trend. */
export function thinned(lines: readonly MetricsLine[], name: string, most: number): Point[] {
  const given = lines.filter((line) => Number.isFinite(line[name]));
  const length = Math.max(1, Math.ceil(given.length / most));
  return Array.from({ length: Math.ceil(given.length / length) }, (_, index) => {
    const stretch = given.slice(index * length, (index + 1) * length);
    const value = stretch.reduce((sum, line) => sum + (line[name] as number), 0) / stretch.length;
    return { step: stretch.at(-1)?.["step"] as number, value };
  });
}

/**
 * A line with what follows from it: images per second, and the share of the time since the line before that
 * waited for data, which old runs did not write.
 */
export function withRates(line: MetricsLine): MetricsLine {
  const { images = 0, dataMs = 0, computeMs = 0 } = line;
  const ms = dataMs + computeMs;
  return ms > 0 ? { waitShare: dataMs / ms, ...line, imagesPerSecond: (1000 * images) / ms } : line;
}

/** What a run's steps cost all together. */
export interface RunTotals {
  readonly steps: number;
  readonly images: number;
  /** Milliseconds of steps: waiting and computing, without evaluation. */
  readonly ms: number;
  /** Share of them that waited for data. */
  readonly waitShare: number;
}

/** Adds up the lines of steps; where `logEvery` left steps out, a line stands for those before it. */
export function totalsOf(lines: readonly MetricsLine[]): RunTotals {
  let [last, images, ms, waited] = [-1, 0, 0, 0];
  for (const line of lines.map(withRates)) {
    const steps = Math.max(1, (line["step"] ?? 0) - last);
    const time = steps * ((line["dataMs"] ?? 0) + (line["computeMs"] ?? 0));
    images += steps * (line["images"] ?? 0);
    ms += time;
    waited += time * (line["waitShare"] ?? 0);
    last = line["step"] ?? last;
  }
  return { steps: last + 1, images, ms, waitShare: ms > 0 ? waited / ms : 0 };
}
