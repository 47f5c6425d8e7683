import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { listImages } from "@clip-ts/node";
import { listedIn } from "../../cli/lines.ts";

/** A class and the files that show it. */
export interface ClassFolder {
  readonly name: string;
  readonly images: readonly string[];
}

/** How class folders are read. */
export interface ClassFolderOptions {
  /** File with the classes' names, one a line, in the folders' alphabetical order. */
  readonly names?: string | undefined;
  /** At most so many images of each class. */
  readonly limit?: number | undefined;
}

async function foldersIn(folder: string): Promise<string[]> {
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
async function namesOf(folders: readonly string[], file: string | undefined): Promise<string[]> {
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

/** Lists a folder that holds one folder of images for each class. */
export async function listClasses(
  folder: string,
  options: ClassFolderOptions,
): Promise<ClassFolder[]> {
  const folders = await foldersIn(folder);
  const names = await namesOf(folders, options.names);
  const classes: ClassFolder[] = [];
  for (const [index, path] of folders.entries()) {
    const images = (await listImages([path])).slice(0, options.limit);
    classes.push({ name: names[index] as string, images });
  }
  return classes;
}
