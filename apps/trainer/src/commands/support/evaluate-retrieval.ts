import type { LeftOut, MaxSkipped, PairSource } from "@clip-ts/data";
import {
  diagnose,
  evaluateRetrieval,
  pickRows,
  retrievalByChance,
  type EmbeddingDiagnostics,
  type RetrievalReport,
} from "@clip-ts/evaluation";
import { preprocessInTurns } from "@clip-ts/image";
import { embedReadable, type SkippedJob } from "@clip-ts/model";
import { counter } from "../../cli/output.ts";
import { limitSkipped, withUnreadable } from "./left-out.ts";
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
  /** How many images may be unreadable. */
  readonly maxSkipped?: MaxSkipped | undefined;
}

/** Retrieval scores as they are reported. */
export interface RetrievalResult extends RetrievalReport {
  readonly data: string;
  readonly captions: "first" | "all";
  readonly chance: RetrievalReport;
  /** Of every image and its first caption. */
  readonly diagnostics?: EmbeddingDiagnostics;
  readonly skipped: readonly SkippedJob[];
  readonly leftOut: readonly LeftOut[];
}

/** Embeds the images and captions of a dataset and searches each among the other. */
export async function runRetrieval(
  { clip, description }: OpenModel,
  { data, source, captions, limit, diagnoses = false, maxSkipped }: RetrievalTask,
): Promise<RetrievalResult> {
  const records = source.records.slice(0, limit);
  const jobs = records.map((record) => ({
    name: record.key,
    load: async () => preprocessInTurns(await record.loadImage(), description.preprocess),
  }));
  const onProgress = counter("images", jobs.length);
  const onSkip = limitSkipped(data, jobs.length, maxSkipped);
  const images = await embedReadable(clip, jobs, { onProgress, onSkip });
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
    leftOut: withUnreadable(source.leftOut ?? [], images.skipped),
  };
}
