import {
  confusionMatrix,
  evaluateZeroShot,
  nearestClasses,
  type ConfusionMatrix,
  type ZeroShotScores,
} from "@clip-ts/evaluation";
import type { LeftOut, MaxSkipped } from "@clip-ts/data";
import { embedLabels, embedReadable, type SkippedJob } from "@clip-ts/model";
import { counter } from "../../cli/output.ts";
import type { ListedClasses } from "./class-folders.ts";
import { imageJobs } from "./images.ts";
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
export interface ZeroShotResult extends Omit<ZeroShotScores, "perClass"> {
  readonly folder: string;
  readonly templates: number;
  readonly images: number;
  readonly perClass: readonly { readonly name: string; images: number; top1: number }[];
  readonly confusion: ConfusionMatrix;
  readonly skipped: readonly SkippedJob[];
  readonly leftOut: readonly LeftOut[];
}

/** Names the class of every image by the highest cosine and compares with its folder. */
export async function runZeroShot(
  { clip, description }: OpenModel,
  { folder, classes, templates, leftOut, maxSkipped }: ZeroShotTask,
): Promise<ZeroShotResult> {
  const names = classes.map(({ name }) => name);
  const labels = await embedLabels(clip, names, templates);
  const files = classes.flatMap(({ images }, row) => images.map((path) => ({ path, row })));
  const paths = files.map(({ path }) => path);
  const { features, kept, skipped } = await embedReadable(clip, imageJobs(paths, description), {
    onProgress: counter("images", paths.length),
    onSkip: limitSkipped(folder, paths.length, maxSkipped),
  });
  const rows = kept.map((index) => files[index]?.row ?? 0);
  const { perClass, ...scores } = evaluateZeroShot(features, labels, rows);
  return {
    folder,
    templates: templates.length,
    images: features.rows,
    ...scores,
    perClass: perClass.map((score, row) => ({ name: names[row] ?? "", ...score })),
    confusion: confusionMatrix(await nearestClasses(features, labels), rows, names.length),
    skipped,
    leftOut: withUnreadable(leftOut, skipped),
  };
}
