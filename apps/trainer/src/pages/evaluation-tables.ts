import type { LeftOut } from "@clip-ts/data";
import type {
  ConfusionMatrix,
  EmbeddingDiagnostics,
  FewShotScore,
  NamedClassScore,
  RetrievalReport,
  RetrievalScores,
  SweepPoint,
  ZeroShotScores,
} from "@clip-ts/evaluation";
import type { SkippedJob } from "@clip-ts/model";
import { percent, type Table } from "../cli/text.ts";

/** Retrieval scores as they are reported. */
export interface RetrievalFound extends RetrievalReport {
  readonly data: string;
  readonly captions: "first" | "all";
  readonly chance: RetrievalReport;
  /** Of every image and its first caption. */
  readonly diagnostics?: EmbeddingDiagnostics;
  readonly skipped: readonly SkippedJob[];
  readonly leftOut: readonly LeftOut[];
}

/** Zero-shot scores as they are reported. */
export interface ZeroShotFound extends Omit<ZeroShotScores, "perClass"> {
  readonly folder: string;
  readonly templates: number;
  readonly images: number;
  readonly perClass: readonly NamedClassScore[];
  readonly confusion: ConfusionMatrix;
  readonly skipped: readonly SkippedJob[];
  readonly leftOut: readonly LeftOut[];
}

/** What a probe on frozen features reaches, as it is reported. */
export interface ProbeFound {
  readonly folder: string;
  readonly classes: readonly string[];
  readonly trainImages: number;
  readonly testImages: number;
  readonly accuracy: number;
  readonly inversePenalty: number;
  /** Whether the probe is the best one at this penalty, or its search ended before. */
  readonly converged: boolean;
  readonly sweep: readonly SweepPoint[];
  readonly fewShot: readonly FewShotScore[];
  readonly confusion: ConfusionMatrix;
  readonly skipped: readonly SkippedJob[];
  readonly leftOut: readonly LeftOut[];
}

/** Whatever was measured. */
export interface Evaluation {
  readonly retrieval?: RetrievalFound;
  readonly zeroShot?: ZeroShotFound;
  readonly probe?: ProbeFound;
}

/** Figures under a title, the same in the terminal and on the page. */
export interface TitledTable {
  readonly title: string;
  /** What was counted, or how to read the figures. */
  readonly text: string;
  readonly table: Table;
}

/** What a number is compared with stands under it. */
const byChance = "  by chance";

function scoreRow(label: string, scores: RetrievalScores): string[] {
  const { recallAt1, recallAt5, recallAt10, meanRank, medianRank } = scores;
  const recalls = [recallAt1, recallAt5, recallAt10].map(percent);
  return [label, ...recalls, meanRank.toFixed(1), medianRank.toFixed(1)];
}

/** Retrieval both ways, next to chance. */
export function retrievalTable(result: RetrievalFound): TitledTable {
  const { data, imageToText, textToImage, chance } = result;
  const { queries: images, candidates: texts } = imageToText;
  return {
    title: `Retrieval on ${data}`,
    text: `${images} images, ${texts} texts`,
    table: {
      rows: [
        ["", "R@1", "R@5", "R@10", "mean rank", "median rank"],
        scoreRow("image to text", imageToText),
        scoreRow(byChance, chance.imageToText),
        scoreRow("text to image", textToImage),
        scoreRow(byChance, chance.textToImage),
      ],
    },
  };
}

/** What each number of the diagnostics says. */
const diagnosticNotes: Readonly<Record<keyof EmbeddingDiagnostics, readonly [string, string]>> = {
  alignment: ["alignment", "squared distance of pairs; 0 is best"],
  imageUniformity: ["uniformity, images", "log of the mean potential; lower spreads wider"],
  textUniformity: ["uniformity, texts", "the same"],
  modalityGap: ["modality gap", "distance between the two sides' means"],
  imageRank: ["effective rank, images", "directions in use"],
  textRank: ["effective rank, texts", "the same"],
};

/** Every diagnostic with its meaning. */
export function geometryTable(found: EmbeddingDiagnostics): TitledTable {
  const rows = Object.entries(diagnosticNotes).map(([key, [name, why]]) => [
    name,
    found[key as keyof EmbeddingDiagnostics].toFixed(3),
    why,
  ]);
  return {
    title: "Geometry of the embedding",
    text: "every image and its first caption",
    table: { rows: [["", "value", ""], ...rows], words: [0, 2] },
  };
}

type Accuracies = Pick<ZeroShotScores, "top1" | "top5" | "meanPerClass">;

/** Zero-shot accuracy, next to chance. */
export function zeroShotTable(result: ZeroShotFound): TitledTable {
  const { folder, images, perClass, templates, chance } = result;
  const row = (label: string, { top1, top5, meanPerClass }: Accuracies): string[] => [
    label,
    ...[top1, top5, meanPerClass].map(percent),
  ];
  const counted = templates === 1 ? "1 template" : `${templates} templates`;
  return {
    title: `Zero-shot on ${folder}`,
    text: `${images} images, ${perClass.length} classes, ${counted}`,
    table: {
      rows: [["", "top-1", "top-5", "mean per class"], row("accuracy", result), row(byChance, chance)],
    },
  };
}

/** What probes reach with all examples and with few. */
export function probeTable(result: ProbeFound): TitledTable {
  const { folder, classes, trainImages, testImages, accuracy, inversePenalty, fewShot } = result;
  return {
    title: `Linear probe on ${folder}`,
    text: `${classes.length} classes, ${trainImages} images to learn from, ${testImages} to test`,
    table: {
      rows: [
        ["", "top-1", "+/-"],
        [`all, C = ${inversePenalty.toPrecision(3)}`, percent(accuracy), ""],
        ...fewShot.map(({ shots, mean, deviation }) => [`${shots} of each class`, percent(mean), percent(deviation)]),
        [byChance, percent(1 / classes.length), ""],
      ],
    },
  };
}
