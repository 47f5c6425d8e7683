import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ClipError } from "@clip-ts/base";
import { createTally, joinLeftOut, listOneFolder, type LeftOut, type LeftOutTally } from "@clip-ts/data";
import { openaiTemplates, simpleTemplates } from "@clip-ts/model";
import { fileAccess, listImages } from "@clip-ts/node";
import { fileMeant, listedIn } from "../../cli/lines.ts";

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

/** Class folders, linked ones among them, and what was found and belongs to none. */
export interface ListedClasses {
  readonly classes: readonly ClassFolder[];
  readonly leftOut: readonly LeftOut[];
}

async function foldersIn(folder: string, tally: LeftOutTally): Promise<string[]> {
  const { files, folders } = await listOneFolder(fileAccess, folder, tally).catch((cause: unknown) => {
    throw new ClipError("not-found", `There is no folder ${folder}.`, { cause });
  });
  for (const name of files) tally.add("beside", join(folder, name));
  if (folders.length > 1) return folders.map(({ name }) => join(folder, name));
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
  const foreign = folders.map((folder) => basename(folder)).find((name) => !/^n\d{8}$/.test(name));
  if (folders.length === names.length && foreign === undefined) return names;
  const found = foreign === undefined ? `${folders.length} folders` : `a folder "${foreign}"`;
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
  const names = await listedIn(fileMeant(file));
  if (names.length === folders.length) return names;
  throw new ClipError(
    "bad-data",
    `${file} names ${names.length} classes, but there are ${folders.length} folders; ` +
      "expected a name for each, in the folders' alphabetical order.",
  );
}

/** Lists a folder that holds one folder of images for each class, as torchvision's ImageFolder does. */
export async function listClasses(folder: string, options: ClassFolderOptions): Promise<ListedClasses> {
  const tally = createTally();
  const folders = await foldersIn(folder, tally);
  const names = await namesOf(folders, options.names);
  const found = [];
  for (const path of folders) found.push(await listImages([path]));
  return {
    classes: found.map(({ images }, index) => ({
      name: names[index] as string,
      images: images.slice(0, options.limit),
    })),
    leftOut: joinLeftOut([tally.list(), ...found.map(({ leftOut }) => leftOut)]),
  };
}

/** Prompt templates by name, or from a file with one a line, @FILE if it is called like one of the names. */
export async function readTemplates(name: string): Promise<readonly string[]> {
  if (name === "openai") return openaiTemplates;
  if (name === "simple") return simpleTemplates;
  const file = fileMeant(name);
  if (existsSync(file)) return listedIn(file);
  throw new ClipError(
    "not-found",
    `There are no templates "${name}": expected openai, simple or a file with one template a line.`,
  );
}
