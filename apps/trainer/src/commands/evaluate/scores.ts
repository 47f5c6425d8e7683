import type { MaxSkipped, PairSource } from "@clip-ts/data";
import type { Communicator } from "@clip-ts/distributed";
import { pairDiagnostics, zeroShotConfusion } from "@clip-ts/evaluation";
import { counter } from "../../cli/output.ts";
import type { ListedClasses } from "../shared/class-folders.ts";
import { captionedImages, classImages, countImages } from "../shared/images.ts";
import { limitSkipped, withUnreadable } from "../shared/left-out.ts";
import type { OpenModel } from "../shared/open-model.ts";
import { retrievalOfRanks, zeroShotOfRanks } from "../../distributed/shared-evaluation.ts";
import type { RetrievalFound, ZeroShotFound } from "../../pages/evaluation-tables.ts";

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

/** A model, and those who embed parts of what it is measured on. */
export interface MeasuredModel extends OpenModel {
  readonly ranks: Communicator;
}

/** Embeds the images and captions of a dataset and searches each among the other. */
export async function runRetrieval(
  { clip, description, ranks }: MeasuredModel,
  { data, source, captions, limit, diagnoses = false, maxSkipped }: RetrievalTask,
): Promise<RetrievalFound> {
  const pairs = captionedImages(source, description.preprocess, limit);
  const onProgress = counter("images", pairs.length);
  const onSkip = limitSkipped(data, pairs.length, maxSkipped);
  const found = await retrievalOfRanks(ranks, clip, { pairs, captions, onProgress, onSkip });
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

/** What is to be classified. */
export interface ZeroShotTask extends ListedClasses {
  readonly folder: string;
  readonly templates: readonly string[];
  /** How many images may be unreadable. */
  readonly maxSkipped?: MaxSkipped | undefined;
}

/** Names the class of every image by the highest cosine and compares with its folder. */
export async function runZeroShot(
  { clip, description, ranks }: MeasuredModel,
  { folder, classes, templates, leftOut, maxSkipped }: ZeroShotTask,
): Promise<ZeroShotFound> {
  const total = countImages({ classes });
  const found = await zeroShotOfRanks(ranks, clip, {
    classes: classImages({ classes }, description.preprocess),
    templates,
    onProgress: counter("images", total),
    onSkip: limitSkipped(folder, total, maxSkipped),
  });
  const { skipped } = found.images;
  return {
    folder,
    templates: templates.length,
    images: found.images.features.rows,
    ...found.scores,
    perClass: found.perClass,
    confusion: await zeroShotConfusion(found),
    skipped,
    leftOut: withUnreadable(leftOut, skipped),
  };
}
