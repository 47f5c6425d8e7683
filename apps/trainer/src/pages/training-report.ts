import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { note } from "../cli/output.ts";
import { writeFileWhole } from "@clip-ts/files";
import { drawPlot, reportPage, type Section } from "./page.ts";

/** A line of `metrics.jsonl`: numbers by name, `step` among them. */
export type MetricsLine = Readonly<Record<string, number>>;

/** Points that a curve is drawn through at most: more cannot be told apart. */
const mostPoints = 400;

/** Means over equal stretches of steps, so that long runs stay light and noise does not hide trends. */
function thinned(lines: readonly MetricsLine[], name: string): { step: number; value: number }[] {
  const given = lines.filter((line) => Number.isFinite(line[name]));
  const length = Math.max(1, Math.ceil(given.length / mostPoints));
  return Array.from({ length: Math.ceil(given.length / length) }, (_, index) => {
    const stretch = given.slice(index * length, (index + 1) * length);
    const value = stretch.reduce((sum, line) => sum + (line[name] as number), 0) / stretch.length;
    return { step: stretch.at(-1)?.["step"] as number, value };
  });
}

/** What is drawn of every step, in this order. */
const curves: readonly { readonly name: string; readonly title: string; readonly scale?: "log" }[] = [
  { name: "loss", title: "loss" },
  { name: "accuracy", title: "accuracy within the batch" },
  { name: "learningRate", title: "learning rate" },
  { name: "gradNorm", title: "gradient norm before clipping", scale: "log" },
  { name: "logitScale", title: "logarithm of the logit scale" },
  { name: "imagesPerSecond", title: "images per second" },
];

function curve(
  lines: readonly MetricsLine[],
  { name, title, scale = "linear" as const }: { name: string; title: string; scale?: string },
): Promise<string> {
  return drawPlot({
    rows: thinned(lines, name),
    title,
    width: 380,
    height: 200,
    mark: { type: "line", interpolate: "monotone" },
    encoding: {
      x: { field: "step", type: "quantitative", title: "step", scale: { nice: false } },
      y: {
        field: "value",
        type: "quantitative",
        title: null,
        axis: { minExtent: 40 }, // plots under each other begin at one line
        scale: scale === "log" ? { type: scale } : { zero: false },
      },
    },
  });
}

function withThroughput(line: MetricsLine): MetricsLine {
  const { images = 0, dataMs = 0, computeMs = 0 } = line;
  const milliseconds = dataMs + computeMs;
  return milliseconds > 0 ? { ...line, imagesPerSecond: (1000 * images) / milliseconds } : line;
}

function summary(lines: readonly MetricsLine[]): Section {
  const last = lines.at(-1) ?? {};
  const sum = (name: string): number => lines.reduce((total, line) => total + (line[name] ?? 0), 0);
  const minutes = (sum("dataMs") + sum("computeMs")) / 60_000;
  const digits = (value = Number.NaN): string => value.toFixed(4);
  return {
    title: "In short",
    table: {
      words: [],
      rows: [
        ["steps", "pairs seen", "minutes", "waiting for data", "loss", "logit scale"],
        [
          String(lines.length),
          sum("images").toLocaleString("en"),
          minutes.toFixed(1),
          `${((100 * sum("dataMs")) / 60_000 / Math.max(minutes, 1e-9)).toFixed(1)} %`,
          digits(last["loss"]),
          Math.exp(last["logitScale"] ?? Number.NaN).toFixed(1),
        ],
      ],
    },
  };
}

/** Curves of evaluations made during training, whose numbers have names such as `zeroShot.top1`. */
async function evaluations(lines: readonly MetricsLine[]): Promise<Section[]> {
  const names = [...new Set(lines.flatMap((line) => Object.keys(line)))].filter((name) => name.includes("."));
  if (names.length === 0) return [];
  const plots = await Promise.all(names.map((name) => curve(lines, { name, title: name })));
  return [{ title: "Evaluation during training", plots }];
}

/** The page that shows how a run went. @param config the resolved configuration, as text. */
export async function trainingReport(run: string, metrics: readonly MetricsLine[], config: string): Promise<string> {
  const lines = metrics.filter((line) => line["loss"] !== undefined).map(withThroughput);
  const drawn = curves.filter(({ name }) => lines.some((line) => Number.isFinite(line[name])));
  const sections: Section[] = [
    summary(lines),
    { title: "Training", plots: await Promise.all(drawn.map((each) => curve(lines, each))) },
    ...(await evaluations(metrics)),
    { title: "Configuration", code: config.trim() },
  ];
  return reportPage(`Training run ${basename(run)}`, sections, "Curves are means over equal stretches of steps.");
}

async function readMetrics(file: string): Promise<MetricsLine[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as MetricsLine];
    } catch {
      return []; // empty, or being written
    }
  });
}

/**
 * A run's metrics as a page that needs no other file.
 * @throws ClipError "not-found" if the folder holds no metrics.
 */
export async function drawTrainingReport(run: string): Promise<string> {
  const file = join(run, "metrics.jsonl");
  const metrics = existsSync(file) ? await readMetrics(file) : [];
  if (metrics.length === 0) {
    throw new ClipError("not-found", `${file} holds no metrics. Expected the folder of a run that has taken steps.`);
  }
  const config = await readFile(join(run, "config.yaml"), "utf8").catch(() => "");
  return trainingReport(run, metrics, config);
}

/** Writes that page. @returns where it is. */
export async function writeTrainingReport(run: string, output: string = join(run, "report.html")): Promise<string> {
  await writeFileWhole(output, await drawTrainingReport(run));
  return output;
}

/** Writes the page of a run that ended, and says where it is; that it cannot be drawn ends no training. */
export async function drawRunPage(run: string): Promise<void> {
  try {
    note(`report  ${await writeTrainingReport(run)}`);
  } catch (error) {
    note(`The report cannot be drawn: ${error instanceof Error ? error.message : String(error)}`);
  }
}
