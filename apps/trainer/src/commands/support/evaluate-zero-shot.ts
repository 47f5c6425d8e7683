import {
  zeroShot,
  zeroShotConfusion,
  type ConfusionMatrix,
  type NamedClassScore,
  type ZeroShotScores,
} from "@clip-ts/evaluation";
import type { LeftOut, MaxSkipped } from "@clip-ts/data";
import type { SkippedJob } from "@clip-ts/model";
import { counter } from "../../cli/output.ts";
import { classImages, countImages } from "../../evaluation/images-of.ts";
import type { ListedClasses } from "./class-folders.ts";
import { limitSkipped, withUnreadable } from "./left-out.ts";
import type { OpenModel } from "./open-model.ts";

/** What is to be classified. */
export interface ZeroShotTask extends ListedClasses {
  readonly folder: string;
  readonly templates: readonly string[];
  /** How many images may be unreadable. */
  readonly maxSkipped?: MaxSkipped | undefined;
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

/** Names the class of every image by the highest cosine and compares with its folder. */
export async function runZeroShot(
  { clip, description }: OpenModel,
  { folder, classes, templates, leftOut, maxSkipped }: ZeroShotTask,
): Promise<ZeroShotFound> {
  const total = countImages({ classes });
  const found = await zeroShot(clip, classImages({ classes }, description.preprocess), templates, {
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
