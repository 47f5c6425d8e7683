import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { ClipError } from "@clip-ts/base";

const extensions: ReadonlySet<string> = new Set(
  ".jpg .jpeg .png .webp .gif .tif .tiff .avif".split(" "),
);

async function imagesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const images = entries
    .filter((entry) => !entry.isDirectory() && extensions.has(extname(entry.name).toLowerCase()))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  if (images.length > 0) return images;
  throw new ClipError(
    "bad-data",
    `There is no image in ${folder} or the folders below: looked for ${[...extensions].join(", ")}.`,
    { data: { folder } },
  );
}

/**
 * The image files that paths name: a file stands for itself, whatever its name, a folder for every
 * image below it, by name.
 * @throws ClipError "not-found" for a path that does not exist, "bad-data" for a folder without images.
 */
export async function listImages(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const entry = await stat(path).catch((cause: unknown) => {
      throw new ClipError("not-found", `There is no file or folder ${path}.`, { cause });
    });
    found.push(...(entry.isDirectory() ? await imagesBelow(path) : [path]));
  }
  return found;
}
