import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import {
  embedLabels,
  embedReadable,
  evaluateZeroShot,
  type SkippedJob,
  type ZeroShotScores,
} from "@clip-ts/model";
import { listImages } from "@clip-ts/node";
import { listedIn } from "../../cli/lines.ts";
import { counter } from "../../cli/output.ts";
import { percent, table } from "../../cli/table.ts";
import { imageJobs } from "./images.ts";
import type { OpenModel } from "./open-model.ts";

/** What is to be classified. */
export interface ZeroShotTask {
  /** Holds one folder of images for each class. */
  readonly folder: string;
  readonly templates: readonly string[];
  /** File with the classes' names, one a line, in the folders' alphabetical order. */
  readonly classes?: string | undefined;
  /** At most so many images of each class. */
  readonly limit?: number | undefined;
}

/** Zero-shot scores as they are reported. */
export interface ZeroShotResult extends Omit<ZeroShotScores, "perClass"> {
  readonly folder: string;
  readonly templates: number;
  readonly images: number;
  readonly perClass: readonly { readonly name: string; images: number; top1: number }[];
  readonly skipped: readonly SkippedJob[];
}

async function classFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new ClipError("not-found", `There is no folder ${folder}.`, { cause });
  });
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  if (folders.length > 1) return folders.map((entry) => join(folder, entry.name)).toSorted();
  throw new ClipError(
    "bad-data",
    `${folder} should hold a folder of images for each of at least two classes, found ${folders.length}.`,
  );
}

/** `golden_retriever` -> `golden retriever`, or the name from the file. */
async function classNames(folders: readonly string[], file: string | undefined): Promise<string[]> {
  if (file === undefined) {
    return folders.map((folder) => basename(folder).replaceAll(/[_-]+/g, " ").trim());
  }
  const names = await listedIn(file);
  if (names.length === folders.length) return names;
  throw new ClipError(
    "bad-data",
    `${file} names ${names.length} classes, but there are ${folders.length} folders; ` +
      "expected a name for each, in the folders' alphabetical order.",
  );
}

/** Names the class of every image by the highest cosine and compares with its folder. */
export async function runZeroShot(
  { clip, description }: OpenModel,
  { folder, templates, classes, limit }: ZeroShotTask,
): Promise<ZeroShotResult> {
  const folders = await classFolders(folder);
  const names = await classNames(folders, classes);
  const files: { path: string; row: number }[] = [];
  for (const [row, path] of folders.entries()) {
    const images = (await listImages([path])).slice(0, limit);
    files.push(...images.map((image) => ({ path: image, row })));
  }
  const labels = await embedLabels(clip, names, templates);
  const jobs = imageJobs(
    files.map(({ path }) => path),
    description,
  );
  const onProgress = counter("images", jobs.length);
  const { features, kept, skipped } = await embedReadable(clip, jobs, { onProgress });
  const rows = kept.map((index) => files[index]?.row ?? 0);
  const { perClass, ...scores } = evaluateZeroShot(features, labels, rows);
  return {
    folder,
    templates: templates.length,
    images: features.rows,
    ...scores,
    perClass: perClass.map((score, row) => ({ name: names[row] ?? "", ...score })),
    skipped,
  };
}

/** The scores as a table, next to chance. */
export function zeroShotTable(result: ZeroShotResult): string {
  const { folder, images, perClass, templates, chance } = result;
  const row = (label: string, { top1, top5, meanPerClass }: typeof chance): string[] => [
    label,
    ...[top1, top5, meanPerClass].map(percent),
  ];
  const title = `Zero-shot on ${folder}: ${images} images`;
  const counts = `${perClass.length} classes, ${templates} ${templates === 1 ? "template" : "templates"}`;
  const header = ["", "top-1", "top-5", "mean per class"];
  return `${title}, ${counts}\n\n${table([header, row("accuracy", result), row("  by chance", chance)])}`;
}
