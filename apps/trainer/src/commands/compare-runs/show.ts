import { duration, table, terminalColumns, twoColumns, wrap } from "../../cli/text.ts";
import type { RunState, RunSummary } from "../../pages/run-summary.ts";
import type { Point } from "../../pages/metrics.ts";
import { cautions, type Difference } from "./compare.ts";
import { shownMetric } from "../../cli/metrics.ts";

/** A column of the table of runs. */
interface Column {
  readonly title: string;
  readonly cell: (run: RunSummary) => string;
}

/** States that are long to say. */
const shortState: Partial<Record<RunState, string>> = { "stopped early": "early" };

const titles: Readonly<Record<string, string>> = { "retrieval.meanRecallAt1": "R@1", "zeroShot.top1": "top-1" };

/** An evaluation's number under a short title. */
function scoreColumn(metric: string): Column {
  return {
    title: titles[metric] ?? metric.split(".").at(-1) ?? metric,
    cell: ({ evaluations }) => {
      const best = evaluations[metric]?.best;
      if (best === undefined) return "-";
      return shownMetric(metric, best);
    },
  };
}

const digits = (value: number | undefined): string => (value === undefined ? "-" : value.toFixed(3));

/** The middle of a long name is the least telling. */
function shortened(name: string, width: number): string {
  if (name.length <= width) return name;
  const half = Math.floor((width - 1) / 2);
  return `${name.slice(0, width - 1 - half)}…${name.slice(name.length - half)}`;
}

const nameWidths = [28, 20, 14];

/** All columns; those of the first list are left out, one by one, where the table is too wide. */
function columnsOf(metric: string | undefined): readonly (Column & { readonly spare?: number })[] {
  return [
    { title: "steps", cell: ({ steps, asked }) => `${steps}/${asked ?? "?"}` },
    { title: "loss", cell: ({ loss }) => digits(loss?.last) },
    { title: "best", cell: ({ loss }) => digits(loss?.best), spare: 2 },
    ...(metric === undefined ? [] : [scoreColumn(metric)]),
    { title: "img/s", cell: ({ imagesPerSecond: rate }) => (rate === undefined ? "-" : rate.toFixed(0)), spare: 3 },
    { title: "wait", cell: ({ waitShare }) => (waitShare === undefined ? "-" : `${(100 * waitShare).toFixed(0)} %`) },
    { title: "time", cell: ({ wallMs }) => duration(wallMs), spare: 1 },
    { title: "state", cell: ({ state }) => shortState[state] ?? state },
  ];
}

const widthOf = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

/** The table of runs, no wider than a terminal: names are shortened first, then columns left out. */
function fittedTable(runs: readonly RunSummary[], metric: string | undefined): string {
  const all = columnsOf(metric);
  const draw = (columns: typeof all, nameWidth: number): string => {
    const rows = runs.map((run) => [shortened(run.name, nameWidth), ...columns.map(({ cell }) => cell(run))]);
    return table([["run", ...columns.map(({ title }) => title)], ...rows], [0, columns.length]);
  };
  let text = "";
  for (const spared of [0, 1, 2, 3]) {
    for (const width of nameWidths) {
      text = draw(
        all.filter(({ spare = Number.POSITIVE_INFINITY }) => spare > spared),
        width,
      );
      if (widthOf(text) <= terminalColumns) return text;
    }
  }
  return text;
}

const bars = "▁▂▃▄▅▆▇█";

/** A curve as a row of bars between two values, over steps 0 to `steps`; blank where it has no points. */
export function sparkline(
  points: readonly Point[],
  { low, high, steps, width }: { low: number; high: number; steps: number; width: number },
): string {
  const characters = Array.from({ length: width }, (_, place) => {
    const [from, to] = [(place * steps) / width, ((place + 1) * steps) / width];
    const inside = points.filter(({ step }) => step >= from && step < to);
    if (inside.length === 0) return undefined;
    const mean = inside.reduce((sum, { value }) => sum + value, 0) / inside.length;
    const share = high > low ? (mean - low) / (high - low) : 0;
    return bars[Math.min(bars.length - 1, Math.max(0, Math.round(share * (bars.length - 1))))];
  });
  const end = characters.findLastIndex((character) => character !== undefined);
  let before = " ";
  return characters
    .slice(0, end + 1)
    .map((character) => (before = character ?? before))
    .join("");
}

/** The fewest and most characters that a curve is drawn with. */
const [narrowest, widest] = [8, 24];

/** Puts each run's losses behind its row where there is room, all on one scale. */
function withCurves(text: string, runs: readonly RunSummary[]): string {
  const lines = text.split("\n");
  const start = widthOf(text) + 2;
  const width = Math.min(widest, terminalColumns - start);
  const losses = runs.map(({ curves }) => curves["loss"] ?? []);
  // the very beginning, and what explodes, is cut off, so that it does not flatten the rest
  const firsts = losses.flatMap((points) => points[Math.floor(points.length / 20)]?.value ?? []);
  if (width < narrowest || firsts.length === 0) return text;
  const scale = {
    low: Math.min(...losses.flat().map(({ value }) => value)),
    high: Math.max(...firsts),
    steps: Math.max(...runs.map(({ steps }) => steps)),
    width,
  };
  const curves = losses.map((points) => sparkline(points, scale));
  return lines.map((line, row) => `${line.padEnd(start)}${row === 0 ? "loss" : curves[row - 1]}`.trimEnd()).join("\n");
}

const settingText = (value: unknown): string =>
  value === undefined ? "not set" : typeof value === "string" ? value : JSON.stringify(value);

/** A run's own values of the settings that differ; those that it has not set stand with the runs that have. */
function ownSettings(found: readonly Difference[], index: number): string[] {
  if (found.length === 0) return [];
  const set = found.filter(({ values }) => values[index] !== undefined);
  return set.length === 0 ? ["none of these"] : set.map(({ key, values }) => `${key} ${settingText(values[index])}`);
}

/** Of each run, the settings that differ; and those that changed on its way. */
function settingsTable(runs: readonly RunSummary[], found: readonly Difference[]): string[] {
  const rows = runs.flatMap(({ name, changes }, index): [string, string][] => {
    const changed = changes.map(
      ({ step, key, from, to }) => `${key} ${settingText(from)} until step ${step}, then ${settingText(to)}`,
    );
    const texts = [...ownSettings(found, index), ...changed];
    return texts.length === 0 ? [] : [[shortened(name, 28), texts.join("; ")]];
  });
  if (rows.length === 0) return runs.length > 1 ? ["", "All settings are the same."] : [];
  return ["", found.length > 0 ? "What differs:" : "What changed:", twoColumns(rows)];
}

/** Why runs ended before their time. */
function reasons(runs: readonly RunSummary[]): string[] {
  const lines = runs.flatMap(({ name, reason }) =>
    reason === undefined ? [] : wrap(`${name}: ${reason}`, terminalColumns),
  );
  return lines.length === 0 ? [] : ["", ...lines];
}

/** Runs as lines for a terminal of 80 columns. */
export function showRuns(
  runs: readonly RunSummary[],
  { metric, found }: { readonly metric: string | undefined; readonly found: readonly Difference[] },
): string {
  const common = (values: readonly string[]): string => (new Set(values).size === 1 ? (values[0] ?? "") : "");
  const [model, engine] = [common(runs.map((run) => run.model)), common(runs.map((run) => run.engine))];
  const count = runs.length === 1 ? "1 run" : `${runs.length} runs`;
  const head = `${count}${model && `, ${model}`}${engine && `, on ${engine}`}`;
  return [
    ...wrap(head, terminalColumns),
    "",
    withCurves(fittedTable(runs, metric), runs),
    ...settingsTable(runs, found),
    ...cautions(runs).flatMap((text) => ["", ...wrap(text, terminalColumns)]),
    ...reasons(runs),
  ].join("\n");
}
