import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { IndexFiles } from "@clip-ts/search";

/** What of a failed call says that there is no such file or folder. */
function ifThere<Found>(work: Promise<Found>): Promise<Found | undefined> {
  return work.catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/**
 * The files of a flat index to be read while another process may be writing them: nothing is made, moved or removed.
 * Of an index that has no files yet the first one is made up, not written.
 */
export function readingFiles(folder: string): IndexFiles {
  const list = async (): Promise<string[]> => {
    const names = (await ifThere(readdir(folder))) ?? [];
    return names.filter((name) => !name.endsWith(".partial"));
  };
  return {
    list,
    read: (name) => ifThere(readFile(join(folder, name))),
    async write() {
      if ((await list()).length === 0) return;
      throw new ClipError("unsupported", `${folder} was opened for searching: change it by updatePictureIndex.`);
    },
    remove: async () => undefined,
  };
}
