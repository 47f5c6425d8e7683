import { duration, percent, type Table } from "../cli/text.ts";
import { reportPage, type Section } from "./page.ts";
import { drawPlot, type PlotRow } from "./plot.ts";
import type { RunSummary } from "./run-summary.ts";
import { shownMetric } from "../cli/metrics.ts";

/** What a page of runs shows beside them. */
export interface Comparison {
  /** The evaluation's number that they are compared by. */
  readonly metric: string | undefined;
  /** Settings that are not the same in all, with each run's value. */
  readonly found: readonly { readonly key: string; readonly values: readonly unknown[] }[];
  /** What keeps losses from being compared. */
  readonly cautions: readonly string[];
}

/** Okabe and Ito's colours, which the colour-blind tell apart; dashes where they come again. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888"];
const dashes = [
  [1, 0],
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
];

/** One metric of all runs over their steps; undefined where none has it. */
async function curvesOf(runs: readonly RunSummary[], metric: string, title: string): Promise<string[]> {
  const rows = runs.flatMap(({ name, curves }): PlotRow[] =>
    (curves[metric] ?? []).map(({ step, value }) => ({ run: name, step: step + 1, value })),
  );
  if (rows.length === 0) return [];
  const names = runs.map(({ name }) => name);
  const legend = { orient: "bottom", columns: 2, labelLimit: 200, symbolType: "stroke", symbolSize: 400 } as const;
  const plot = await drawPlot({
    rows,
    title,
    width: 400,
    height: 240,
    mark: {
      type: "line",
      interpolate: "monotone",
      point: runs.every(({ curves }) => (curves[metric] ?? []).length < 12),
    },
    encoding: {
      x: { field: "step", type: "quantitative", title: "step", scale: { nice: false } },
      y: {
        field: "value",
        type: "quantitative",
        title: null,
        axis: { minExtent: 40, ...(metric === "waitShare" && { format: ".0%" }) },
        scale: metric === "waitShare" ? { domain: [0, 1] } : { zero: false },
      },
      color: {
        field: "run",
        type: "nominal",
        title: null,
        scale: { domain: names, range: names.map((_, index) => colours[index % colours.length] as string) },
        legend,
      },
      strokeDash: {
        field: "run",
        type: "nominal",
        title: null,
        scale: {
          domain: names,
          range: names.map((_, index) => dashes[Math.floor(index / colours.length) % 4] as number[]),
        },
        legend,
      },
    },
  });
  return [plot];
}

const number = (value: number | undefined, places = 3): string => (value === undefined ? "-" : value.toFixed(places));

function scoreOf({ evaluations }: RunSummary, metric: string): string {
  const found = evaluations[metric];
  if (found === undefined) return "-";
  return shownMetric(metric, found.best);
}

function runsTable(runs: readonly RunSummary[], metric: string | undefined): Table {
  const scored = metric === undefined ? [] : [`best ${metric.split(".").at(-1)}`];
  const header = ["run", "steps", "asked", "loss", "best loss", ...scored, "images/s", "waiting", "time", "state"];
  const rows = runs.map((run) => [
    run.name,
    String(run.steps),
    String(run.asked ?? "-"),
    number(run.loss?.last),
    number(run.loss?.best),
    ...(metric === undefined ? [] : [scoreOf(run, metric)]),
    number(run.imagesPerSecond, 0),
    run.waitShare === undefined ? "-" : percent(run.waitShare),
    duration(run.wallMs),
    run.state,
  ]);
  return { rows: [header, ...rows], words: [0, header.length - 1] };
}

const settingText = (value: unknown): string =>
  value === undefined ? "not set" : typeof value === "string" ? value : JSON.stringify(value);

function settingsSection(runs: readonly RunSummary[], { found }: Comparison): Section[] {
  if (found.length === 0) return [];
  const rows = found.map(({ key, values }) => [key, ...values.map(settingText)]);
  return [{ title: "What differs", table: { rows: [["setting", ...runs.map(({ name }) => name)], ...rows] } }];
}

function changesSection(runs: readonly RunSummary[]): Section[] {
  const rows = runs.flatMap(({ name, changes }) =>
    changes.map(({ step, key, from, to }) => [name, String(step), key, settingText(from), settingText(to)]),
  );
  if (rows.length === 0) return [];
  const table = { rows: [["run", "from step", "setting", "was", "is"], ...rows], words: [0, 2] };
  return [{ title: "Changed on the way", table }];
}

function endsSection(runs: readonly RunSummary[]): Section[] {
  const rows = runs.flatMap(({ name, state, reason }) => (reason === undefined ? [] : [[name, state, reason]]));
  return rows.length === 0
    ? []
    : [{ title: "Errors", table: { rows: [["run", "state", "error"], ...rows], words: [0, 1, 2] } }];
}

/** The page that compares runs: table, curves, settings that differ. It needs no other file. */
export async function runsPage(runs: readonly RunSummary[], comparison: Comparison): Promise<string> {
  const { metric, cautions } = comparison;
  const plots = [
    ...(await curvesOf(runs, "loss", "loss")),
    ...(metric === undefined ? [] : await curvesOf(runs, metric, metric)),
    ...(await curvesOf(runs, "imagesPerSecond", "images per second")),
    ...(await curvesOf(runs, "waitShare", "share of time that waited for data")),
  ];
  const models = [...new Set(runs.map(({ model, engine }) => `${model} on ${engine}`))].join(", ");
  const sections: Section[] = [
    { title: "Runs", text: [`${models}.`, ...cautions].join(" "), table: runsTable(runs, metric) },
    ...(plots.length === 0 ? [] : [{ title: "Curves", plots }]),
    ...settingsSection(runs, comparison),
    ...changesSection(runs),
    ...endsSection(runs),
  ];
  const footer = "A loss is the mean of 10 lines of metrics; curves are means over equal stretches of steps.";
  return reportPage(runs.length === 1 ? `Run ${runs[0]?.name}` : `${runs.length} runs compared`, sections, footer);
}
