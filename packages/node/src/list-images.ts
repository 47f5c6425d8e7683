import type { Dirent } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import {
  createTally,
  imagesAmong,
  listFiles,
  type DirectoryEntry,
  type FileAccess,
  type LeftOut,
  type LeftOutTally,
} from "@clip-ts/data";
import { readBytes } from "@clip-ts/files";
import { fetchImage, isWebImage, type FetchImageOptions } from "@clip-ts/hub";
import { imageExtensions } from "@clip-ts/image";

/** What a name in a folder is, or what its link leads to. */
async function describeEntry(directory: string, entry: Dirent): Promise<DirectoryEntry> {
  const { name } = entry;
  const isLink = entry.isSymbolicLink();
  const found = isLink ? await stat(join(directory, name)).catch(() => undefined) : entry;
  if (found === undefined) return { name, isDirectory: false, isLink, unusable: "broken-link" };
  const isDirectory = found.isDirectory();
  const isSpecial = !isDirectory && !found.isFile();
  return { name, isDirectory, isLink, ...(isSpecial && { unusable: "special" as const }) };
}

/** The file system as data sources see it. Linked files and folders count as what they lead to. */
export const fileAccess: FileAccess = {
  read: (path) => readFile(path),
  async list(directory) {
    const entries = await readdir(directory, { withFileTypes: true });
    return Promise.all(entries.map((entry) => describeEntry(directory, entry)));
  },
  realPath: (path) => realpath(path),
};

/**
 * The bytes of an image: a file's, or what an http or https address answers. A connection that breaks, is
 * silent for the time-out (that of the hub, 60 s) or is refused for a while is tried again as the hub is; no
 * token is sent.
 * @throws ClipError that names the file or address and says why not.
 */
export async function readImageBytes(place: string, options: FetchImageOptions = {}): Promise<Uint8Array> {
  return isWebImage(place) ? fetchImage(place, options) : readBytes(place);
}

/** Images that paths name, and what else was found. */
export interface FoundImages {
  /** Paths of files and addresses, in order. */
  readonly images: readonly string[];
  /** What lies below the folders and is not among the images, counted by reason. */
  readonly leftOut: readonly LeftOut[];
}

async function imagesBelow(folder: string, tally: LeftOutTally): Promise<string[]> {
  const images = imagesAmong(await listFiles(fileAccess, folder, tally), tally);
  if (images.length > 0) return images.map((path) => join(folder, path));
  throw new ClipError(
    "bad-data",
    `There is no image in ${folder} or the folders below: looked for ${imageExtensions.join(", ")}.`,
    { data: { folder } },
  );
}

/**
 * The image files that paths name: a file stands for itself, whatever its name, a folder for every
 * image below it, folder by folder and by name in each, as for `folderSource`, an http or https address for
 * the image there.
 * @throws ClipError "not-found" for a path that does not exist, "bad-data" for a folder without images.
 */
export async function listImages(paths: readonly string[]): Promise<FoundImages> {
  const images: string[] = [];
  const tally = createTally();
  for (const path of paths) {
    if (isWebImage(path)) {
      images.push(path);
      continue;
    }
    const entry = await stat(path).catch((cause: unknown) => {
      throw new ClipError("not-found", `There is no file or folder ${path}.`, { cause });
    });
    images.push(...(entry.isDirectory() ? await imagesBelow(path, tally) : [path]));
  }
  return { images, leftOut: tally.list() };
}
