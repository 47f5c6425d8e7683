import { worstConfusions, type ConfusionMatrix } from "@clip-ts/evaluation";
import { percent } from "../cli/text.ts";
import {
  geometryTable,
  probeTable,
  retrievalTable,
  zeroShotTable,
  type Evaluation,
  type TitledTable,
  type ProbeFound,
  type RetrievalFound,
  type ZeroShotFound,
} from "./evaluation-tables.ts";
import { reportPage, type Section } from "./page.ts";
import { drawPlot, type PlotRow } from "./plot.ts";

/** Classes above which a confusion matrix is a grey square. */
const mostClassesDrawn = 60;
const mistakesListed = 15;

/** The terminal's table as a part of the page: what stands beside the title there is a sentence here. */
const onPage = ({ text, ...part }: TitledTable): Section => ({
  ...part,
  text: `${text.charAt(0).toUpperCase()}${text.slice(1)}.`,
});

/** Retrieval with what its heads stand for. */
async function retrievalSection(result: RetrievalFound): Promise<Section> {
  const section = onPage(retrievalTable(result));
  const meaning = "R@5 is the share of searches with a right answer among the first 5.";
  return { ...section, text: `${section.text} ${meaning}`, plots: [await retrievalPlot(result)] };
}

/** How often the right answer is among the first few, as bars. */
async function retrievalPlot({ imageToText, textToImage }: RetrievalFound): Promise<string> {
  const ways = [
    { way: "image to text", found: imageToText },
    { way: "text to image", found: textToImage },
  ];
  const rows = ways.flatMap(({ way, found }) => [
    { way, within: "R@1", share: found.recallAt1 },
    { way, within: "R@5", share: found.recallAt5 },
    { way, within: "R@10", share: found.recallAt10 },
  ]);
  return drawPlot({
    rows,
    width: 320,
    height: 180,
    mark: "bar",
    encoding: {
      x: { field: "within", type: "nominal", title: null, sort: null, axis: { labelAngle: 0 } },
      xOffset: { field: "way" },
      y: {
        field: "share",
        type: "quantitative",
        title: null,
        axis: { format: "%" },
        scale: { domain: [0, 1] },
      },
      color: { field: "way", title: null, legend: { orient: "top" } },
    },
  });
}

/** A heat map of who is taken for whom: cells without an image stay empty. */
function confusionPlot(matrix: ConfusionMatrix, names: readonly string[]): Promise<string> {
  const cells = Array.from(matrix.counts, (count, place): PlotRow => {
    const [right, predicted] = [Math.floor(place / matrix.classes), place % matrix.classes];
    return { right: names[right] ?? "", predicted: names[predicted] ?? "", count };
  });
  const axis = (field: string, title: string): object => ({
    field,
    type: "nominal",
    title,
    sort: null,
    scale: { domain: [...names] },
    axis: { grid: true, tickBand: "extent", ticks: false },
  });
  const most = Math.max(...matrix.counts);
  return drawPlot({
    rows: cells.filter(({ count }) => count !== 0),
    title: "all classes",
    width: { step: 16 },
    height: { step: 16 },
    mark: "rect",
    encoding: {
      x: axis("predicted", "taken for"),
      y: axis("right", "is"),
      color: {
        field: "count",
        type: "quantitative",
        title: "images",
        scale: { domain: [0, most], range: ["#0072b233", "#0072b2"] },
        legend: { format: "d", tickCount: Math.min(most, 5), gradientLength: 80 },
      },
    },
  });
}

/** The commonest mistakes and, unless there are too many classes, all of them as a heat map. */
async function mistakesSection(title: string, matrix: ConfusionMatrix, names: readonly string[]): Promise<Section> {
  const mistakes = worstConfusions(matrix, mistakesListed);
  const plots = matrix.classes > mostClassesDrawn ? [] : [await confusionPlot(matrix, names)];
  if (mistakes.length === 0) return { title, text: "None: every image is recognised.", plots };
  const rows = mistakes.map(({ right, predicted, count }) => [
    names[right] ?? "",
    names[predicted] ?? "",
    String(count),
  ]);
  return {
    title,
    table: { rows: [["is", "taken for", "times"], ...rows], words: [0, 1] },
    plots,
  };
}

/** The classes of which most images are not recognised. */
function worstClasses({ perClass }: ZeroShotFound): Section[] {
  const worst = perClass
    .filter(({ images, top1 }) => images > 0 && top1 < 1)
    .toSorted((a, b) => a.top1 - b.top1)
    .slice(0, mistakesListed);
  if (worst.length === 0) return [];
  const rows = worst.map(({ name, images, top1 }) => [name, String(images), percent(top1)]);
  const table = { rows: [["class", "images", "top-1"], ...rows] };
  return [{ title: "Classes recognised worst", table }];
}

async function zeroShotSections(result: ZeroShotFound): Promise<Section[]> {
  const names = result.perClass.map(({ name }) => name);
  return [
    onPage(zeroShotTable(result)),
    ...worstClasses(result),
    await mistakesSection("Zero-shot mistakes", result.confusion, names),
  ];
}

/** What the sweep found for each strength of the penalty. */
function sweepPlot({ sweep }: ProbeFound): Promise<string> {
  return drawPlot({
    rows: sweep.map(({ inversePenalty, accuracy }) => ({ inversePenalty, accuracy })),
    title: "validation accuracy by penalty",
    width: 320,
    height: 180,
    mark: { type: "line", point: true },
    encoding: {
      x: {
        field: "inversePenalty",
        type: "quantitative",
        title: "C: the smaller, the stronger the penalty",
        scale: { type: "log" },
        axis: { format: ".0e", tickCount: 6, labelOverlap: true },
      },
      y: { field: "accuracy", type: "quantitative", title: null, axis: { format: "%" } },
    },
  });
}

async function probeSections(result: ProbeFound): Promise<Section[]> {
  return [
    { ...onPage(probeTable(result)), plots: [await sweepPlot(result)] },
    await mistakesSection("Mistakes of the probe", result.confusion, result.classes),
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
    ...(retrieval?.diagnostics === undefined ? [] : [onPage(geometryTable(retrieval.diagnostics))]),
    ...(zeroShot === undefined ? [] : await zeroShotSections(zeroShot)),
    ...(probe === undefined ? [] : await probeSections(probe)),
  ];
  return reportPage(`Evaluation of ${model}`, sections, `Computed by ${engine}.`);
}
