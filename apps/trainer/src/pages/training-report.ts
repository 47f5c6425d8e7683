import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { note } from "../cli/output.ts";
import { percent } from "../cli/text.ts";
import { writeFileWhole } from "@clip-ts/files";
import { evaluationNames, readMetrics, stepLines, thinned, totalsOf, withRates, type MetricsLine } from "./metrics.ts";
import { reportPage, type Section } from "./page.ts";
import { drawPlot } from "./plot.ts";

/** Points that a curve is drawn through at most: more cannot be told apart. */
const mostPoints = 400;

/** What is drawn of every step, in this order. */
const curves: readonly { readonly name: string; readonly title: string; readonly scale?: "log" | "share" }[] = [
  { name: "loss", title: "loss" },
  { name: "accuracy", title: "accuracy within the batch" },
  { name: "learningRate", title: "learning rate" },
  { name: "gradNorm", title: "gradient norm before clipping", scale: "log" },
  { name: "logitScale", title: "logarithm of the logit scale" },
  { name: "imagesPerSecond", title: "images per second" },
  { name: "waitShare", title: "share of time that waited for data", scale: "share" },
];

const scales: Readonly<Record<string, object>> = {
  log: { type: "log" },
  share: { domain: [0, 1] },
};

function curve(
  lines: readonly MetricsLine[],
  { name, title, scale = "linear" as const }: { name: string; title: string; scale?: string },
): Promise<string> {
  return drawPlot({
    rows: thinned(lines, name, mostPoints),
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
        // plots under each other begin at one line
        axis: { minExtent: 40, ...(scale === "share" && { format: ".0%" }) },
        scale: scales[scale] ?? { zero: false },
      },
    },
  });
}

function summary(lines: readonly MetricsLine[]): Section {
  const last = lines.at(-1) ?? {};
  const { steps, images, ms, waitShare } = totalsOf(lines);
  const digits = (value = Number.NaN): string => value.toFixed(4);
  return {
    title: "In short",
    text: `The run waited for data ${percent(waitShare)} of the time.`,
    table: {
      words: [],
      rows: [
        ["steps", "pairs seen", "minutes", "waiting for data", "loss", "logit scale"],
        [
          String(steps),
          images.toLocaleString("en"),
          (ms / 60_000).toFixed(1),
          percent(waitShare),
          digits(last["loss"]),
          Math.exp(last["logitScale"] ?? Number.NaN).toFixed(1),
        ],
      ],
    },
  };
}

/** Curves of evaluations made during training, whose numbers have names such as `zeroShot.top1`. */
async function evaluations(lines: readonly MetricsLine[]): Promise<Section[]> {
  const names = evaluationNames(lines);
  if (names.length === 0) return [];
  const plots = await Promise.all(names.map((name) => curve(lines, { name, title: name })));
  return [{ title: "Evaluation during training", plots }];
}

/** The page that shows how a run went. @param config the resolved configuration, as text. */
export async function trainingReport(run: string, metrics: readonly MetricsLine[], config: string): Promise<string> {
  const lines = stepLines(metrics).map(withRates);
  const drawn = curves.filter(({ name }) => lines.some((line) => Number.isFinite(line[name])));
  const sections: Section[] = [
    summary(lines),
    { title: "Training", plots: await Promise.all(drawn.map((each) => curve(lines, each))) },
    ...(await evaluations(metrics)),
    { title: "Configuration", code: config.trim() },
  ];
  return reportPage(`Training run ${basename(run)}`, sections, "Curves are means over equal stretches of steps.");
}

/**
 * A run's metrics as a page that needs no other file.
 * @throws ClipError "not-found" if the folder holds no metrics.
 */
export async function drawTrainingReport(run: string): Promise<string> {
  const file = join(run, "metrics.jsonl");
  const metrics = await readMetrics(file);
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
