import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
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
  /** "imagenet", or a file with the classes' names, one a line, in the folders' alphabetical order. */
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

/**
 * The names that OpenAI gave ImageNet's 1,000 classes, in the order of their numbers (github.com/openai/CLIP,
 * MIT licence): n01440764 is the first.
 */
const imagenet = fileURLToPath(new URL("../../../classes/imagenet.txt", import.meta.url));

async function imagenetNames(folders: readonly string[]): Promise<string[]> {
  const names = await listedIn(imagenet);
  const stranger = folders.map((folder) => basename(folder)).find((name) => !/^n\d{8}$/.test(name));
  if (folders.length === names.length && stranger === undefined) return names;
  const found = stranger === undefined ? `${folders.length} folders` : `a folder "${stranger}"`;
  throw new ClipError(
    "bad-data",
    `"imagenet" names the ${names.length} folders n01440764 to n15075141 of ImageNet's validation images, found ` +
      `${found}; give a file with the names of other classes, one a line.`,
  );
}

/** `golden_retriever` -> `golden retriever`, or the name from the file. */
async function namesOf(folders: readonly string[], file: string | undefined): Promise<string[]> {
  if (file === undefined) {
    return folders.map((folder) => basename(folder).replaceAll(/[_-]+/g, " ").trim());
  }
  if (file === "imagenet") return imagenetNames(folders);
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
