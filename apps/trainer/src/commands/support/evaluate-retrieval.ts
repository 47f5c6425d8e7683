import type { LeftOut, MaxSkipped, PairSource } from "@clip-ts/data";
import {
  pairDiagnostics,
  retrieval,
  type EmbeddingDiagnostics,
  type RetrievalReport,
} from "@clip-ts/evaluation";
import type { SkippedJob } from "@clip-ts/model";
import { counter } from "../../cli/output.ts";
import { captionedImages } from "../../evaluation/images-of.ts";
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
export interface RetrievalFound extends RetrievalReport {
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
): Promise<RetrievalFound> {
  const pairs = captionedImages(source, description.preprocess, limit);
  const onProgress = counter("images", pairs.length);
  const onSkip = limitSkipped(data, pairs.length, maxSkipped);
  const found = await retrieval(clip, pairs, { captions, onProgress, onSkip });
  const { report, chance, skipped } = found;
  return {
    data,
    captions,
    ...(diagnoses ? { diagnostics: pairDiagnostics(found) } : {}),
    ...report,
    chance,
    skipped,
    leftOut: withUnreadable(source.leftOut ?? [], skipped),
  };
}
