import { stat } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import {
  createTally,
  imagesAmong,
  listFiles,
  type LeftOut,
  type LeftOutTally,
} from "@clip-ts/data";
import { imageExtensions } from "@clip-ts/image";
import { fileAccess } from "./files.ts";
import { isWebImage } from "./read-image.ts";

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
