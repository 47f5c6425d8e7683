import type { PairSource } from "@clip-ts/data";
import { diagnose, pickRows, type EmbeddingDiagnostics } from "@clip-ts/evaluation";
import {
  evaluateRetrieval,
  retrievalByChance,
  type RetrievalReport,
  type RetrievalScores,
} from "@clip-ts/evaluation";
import { embedReadable, type SkippedJob } from "@clip-ts/model";
import { preprocess } from "@clip-ts/image";
import { counter } from "../../cli/output.ts";
import { percent, table } from "../../cli/table.ts";
import type { OpenModel } from "./open-model.ts";

/** What is to be retrieved. */
export interface RetrievalTask {
  readonly data: string;
  readonly source: PairSource;
  readonly captions: "first" | "all";
  /** At most so many images. */
  readonly limit?: number | undefined;
  /** Also describe the geometry of the embedding. */
  readonly diagnoses?: boolean;
}

/** Retrieval scores as they are reported. */
export interface RetrievalResult extends RetrievalReport {
  readonly data: string;
  readonly captions: "first" | "all";
  readonly chance: RetrievalReport;
  /** Of every image and its first caption. */
  readonly diagnostics?: EmbeddingDiagnostics;
  readonly skipped: readonly SkippedJob[];
}

/** Embeds the images and captions of a dataset and searches each among the other. */
export async function runRetrieval(
  { clip, description }: OpenModel,
  { data, source, captions, limit, diagnoses = false }: RetrievalTask,
): Promise<RetrievalResult> {
  const records = source.records.slice(0, limit);
  const jobs = records.map((record) => ({
    name: record.key,
    load: async () => preprocess(await record.loadImage(), description.preprocess),
  }));
  const onProgress = counter("images", jobs.length);
  const images = await embedReadable(clip, jobs, { onProgress });
  const pairs = images.kept.flatMap((index, image) => {
    const { captions: all = [] } = records[index] ?? {};
    return (captions === "all" ? all : all.slice(0, 1)).map((text) => ({ text, image }));
  });
  const texts = await clip.embedTexts(pairs.map(({ text }) => text));
  const imageOfText = pairs.map(({ image }) => image);
  const firsts = images.kept.map((_, image) => imageOfText.indexOf(image));
  return {
    data,
    captions,
    ...(diagnoses ? { diagnostics: diagnose(images.features, pickRows(texts, firsts)) } : {}),
    ...evaluateRetrieval(images.features, texts, imageOfText),
    chance: retrievalByChance(images.features.rows, imageOfText),
    skipped: images.skipped,
  };
}

function scoreRow(label: string, scores: RetrievalScores): string[] {
  const { recallAt1, recallAt5, recallAt10, meanRank, medianRank } = scores;
  const recalls = [recallAt1, recallAt5, recallAt10].map(percent);
  return [label, ...recalls, meanRank.toFixed(1), medianRank.toFixed(1)];
}

/** The scores as a table, next to chance. */
export function retrievalTable(result: RetrievalResult): string {
  const { data, imageToText, textToImage, chance } = result;
  const { queries: images, candidates: texts } = imageToText;
  const title = `Retrieval on ${data}: ${images} images, ${texts} texts`;
  const rows = [
    ["", "R@1", "R@5", "R@10", "mean rank", "median rank"],
    scoreRow("image to text", imageToText),
    scoreRow("  by chance", chance.imageToText),
    scoreRow("text to image", textToImage),
    scoreRow("  by chance", chance.textToImage),
  ];
  return `${title}\n\n${table(rows)}`;
}

/** What each number of the diagnostics says. */
const diagnosticNotes: Readonly<Record<keyof EmbeddingDiagnostics, readonly [string, string]>> = {
  alignment: ["alignment", "squared distance of pairs; 0 is best"],
  imageUniformity: ["uniformity, images", "log of the mean potential; lower spreads wider"],
  textUniformity: ["uniformity, texts", ""],
  modalityGap: ["modality gap", "distance between the two sides' means"],
  imageRank: ["effective rank, images", "directions in use"],
  textRank: ["effective rank, texts", ""],
};

/** Name, value and meaning of every diagnostic. */
export function diagnosticRows(found: EmbeddingDiagnostics): string[][] {
  return Object.entries(diagnosticNotes).map(([key, [name, why]]) => [
    name,
    found[key as keyof EmbeddingDiagnostics].toFixed(3),
    why,
  ]);
}
