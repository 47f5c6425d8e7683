import {
  worstConfusions,
  type ConfusionMatrix,
  type EmbeddingDiagnostics,
} from "@clip-ts/evaluation";
import { percent } from "../cli/table.ts";
import type { ProbeResult } from "../commands/support/evaluate-probe.ts";
import { diagnosticRows, type RetrievalResult } from "../commands/support/evaluate-retrieval.ts";
import type { ZeroShotResult } from "../commands/support/evaluate-zero-shot.ts";
import { reportPage, type Section } from "./page.ts";
import { drawPlot, type PlotRow } from "./plot.ts";

/** Whatever was measured. */
export interface Evaluation {
  readonly retrieval?: RetrievalResult;
  readonly zeroShot?: ZeroShotResult;
  readonly probe?: ProbeResult;
}

/** Classes above which a confusion matrix is a grey square. */
const mostClassesDrawn = 60;
const mistakesListed = 15;

async function retrievalSection(result: RetrievalResult): Promise<Section> {
  const ways = [
    { way: "image to text", found: result.imageToText, chance: result.chance.imageToText },
    { way: "text to image", found: result.textToImage, chance: result.chance.textToImage },
  ];
  const rows = ways.flatMap(({ way, found }) => [
    { way, within: "R@1", share: found.recallAt1 },
    { way, within: "R@5", share: found.recallAt5 },
    { way, within: "R@10", share: found.recallAt10 },
  ]);
  const plot = await drawPlot({
    rows,
    width: 320,
    height: 160,
    mark: "bar",
    encoding: {
      x: { field: "within", type: "nominal", title: null, sort: null, axis: { labelAngle: 0 } },
      xOffset: { field: "way" },
      y: { field: "share", type: "quantitative", title: null, axis: { format: "%" } },
      color: { field: "way", title: null },
    },
  } as never);
  const row = (label: string, scores: typeof result.imageToText): string[] => [
    label,
    ...[scores.recallAt1, scores.recallAt5, scores.recallAt10].map(percent),
    scores.medianRank.toFixed(1),
    scores.meanRank.toFixed(1),
  ];
  return {
    title: `Retrieval on ${result.data}`,
    text: `${result.imageToText.queries} images, ${result.textToImage.queries} texts.`,
    table: [
      ["", "R@1", "R@5", "R@10", "median rank", "mean rank"],
      ...ways.flatMap(({ way, found, chance }) => [row(way, found), row("by chance", chance)]),
    ],
    plots: [plot],
  };
}

function diagnosticsSection(found: EmbeddingDiagnostics): Section {
  return {
    title: "Geometry of the embedding",
    table: [["", "value", ""], ...diagnosticRows(found)],
  };
}

/** A heat map of who is taken for whom, or for many classes the commonest mistakes. */
async function confusionParts(
  matrix: ConfusionMatrix,
  names: readonly string[],
): Promise<Pick<Section, "plots" | "table">> {
  const name = (row: number): string => names[row] ?? String(row);
  const mistakes = worstConfusions(matrix, mistakesListed);
  const table = [
    ["is", "taken for", "times"],
    ...mistakes.map(({ right, predicted, count }) => [name(right), name(predicted), String(count)]),
  ];
  if (matrix.classes > mostClassesDrawn) return { table };
  const rows: PlotRow[] = Array.from(matrix.counts, (count, place) => ({
    right: name(Math.floor(place / matrix.classes)),
    predicted: name(place % matrix.classes),
    count,
  }));
  const axis = (field: string, title: string): object => ({
    field,
    type: "nominal",
    title,
    sort: null,
  });
  const plot = await drawPlot({
    rows,
    title: "confusion matrix",
    width: { step: 14 },
    height: { step: 14 },
    mark: "rect",
    encoding: {
      x: axis("predicted", "taken for"),
      y: axis("right", "is"),
      color: { field: "count", type: "quantitative", title: "images" },
    },
  } as never);
  return mistakes.length === 0 ? { plots: [plot] } : { table, plots: [plot] };
}

async function zeroShotSections(result: ZeroShotResult): Promise<Section[]> {
  const { folder, images, templates, chance, perClass, confusion } = result;
  const row = (label: string, { top1, top5, meanPerClass }: typeof chance): string[] => [
    label,
    ...[top1, top5, meanPerClass].map(percent),
  ];
  const worst = perClass.filter((each) => each.images > 0).toSorted((a, b) => a.top1 - b.top1);
  return [
    {
      title: `Zero-shot on ${folder}`,
      text: `${images} images, ${perClass.length} classes, ${templates} templates.`,
      table: [
        ["", "top-1", "top-5", "mean per class"],
        row("accuracy", result),
        row("by chance", chance),
      ],
    },
    {
      title: "Classes recognised worst",
      table: [
        ["class", "images", "top-1"],
        ...worst
          .slice(0, mistakesListed)
          .map((each) => [each.name, String(each.images), percent(each.top1)]),
      ],
    },
    {
      title: "Zero-shot mistakes",
      ...(await confusionParts(
        confusion,
        perClass.map((each) => each.name),
      )),
    },
  ];
}

async function probeSections(result: ProbeResult): Promise<Section[]> {
  const sweep = await drawPlot({
    rows: result.sweep.map(({ inversePenalty, accuracy }) => ({ inversePenalty, accuracy })),
    title: "validation accuracy by penalty",
    width: 320,
    height: 180,
    mark: { type: "line", point: true },
    encoding: {
      x: { field: "inversePenalty", type: "quantitative", title: "C", scale: { type: "log" } },
      y: { field: "accuracy", type: "quantitative", title: null, axis: { format: "%" } },
    },
  } as never);
  return [
    {
      title: `Linear probe on ${result.folder}`,
      text: `${result.trainImages} images to learn from, ${result.testImages} to test.`,
      table: [
        ["", "top-1", "deviation"],
        [`all images, C = ${result.inversePenalty.toPrecision(3)}`, percent(result.accuracy), ""],
        ...result.fewShot.map(({ shots, mean, deviation }) => [
          `${shots} of each class`,
          percent(mean),
          percent(deviation),
        ]),
      ],
      plots: [sweep],
    },
    { title: "Mistakes of the probe", ...(await confusionParts(result.confusion, result.classes)) },
  ];
}

/** The page of an evaluation: whatever was measured, with plots. */
export async function evaluationReport(
  model: string,
  { retrieval, zeroShot, probe }: Evaluation,
  engine: string,
): Promise<string> {
  const sections = [
    ...(retrieval === undefined ? [] : [await retrievalSection(retrieval)]),
    ...(retrieval?.diagnostics === undefined ? [] : [diagnosticsSection(retrieval.diagnostics)]),
    ...(zeroShot === undefined ? [] : await zeroShotSections(zeroShot)),
    ...(probe === undefined ? [] : await probeSections(probe)),
  ];
  return reportPage(`Evaluation of ${model}`, sections, `Computed by ${engine}.`);
}
