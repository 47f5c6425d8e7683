import { stat } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { ClipError } from "@clip-ts/base";
import { createTally, imagesAmong, listFiles, type FileAccess, type LeftOutTally } from "@clip-ts/data";
import { fileAccess } from "@clip-ts/node";
import type { FoundPicture, FoundSource } from "./picture-source.ts";

/** Files whose times are asked for at once. */
const atOnce = 64;

/** The disk, which notes places that cannot be listed, and links that lead nowhere: disks that are not there now. */
function notingAccess(hidden: string[]): FileAccess {
  return {
    ...fileAccess,
    async list(folder) {
      const entries = await fileAccess.list(folder).catch((error: unknown) => {
        hidden.push(folder);
        throw error;
      });
      hidden.push(...entries.flatMap(({ name, unusable }) => (unusable === "broken-link" ? [join(folder, name)] : [])));
      return entries;
    },
  };
}

/** "a/b/" of "a/b/c.jpg", "" of "c.jpg". */
const folderOf = (below: string): string => {
  const folder = dirname(below).replaceAll(sep, "/");
  return folder === "." ? "" : `${folder}/`;
};

async function describe(source: string, below: string): Promise<FoundPicture> {
  const id = below === "" ? source : join(source, below);
  const { size, mtimeMs } = await stat(id);
  const changed = Math.trunc(mtimeMs);
  return { id, source, folder: folderOf(below), label: basename(dirname(id)), date: changed, bytes: size, changed };
}

/** Sizes and times of files; those that cannot be asked are out of sight. */
async function describeAll(
  source: string,
  names: readonly string[],
  { tally, hidden }: { readonly tally: LeftOutTally; readonly hidden: string[] },
): Promise<FoundPicture[]> {
  const pictures: FoundPicture[] = [];
  for (let start = 0; start < names.length; start += atOnce) {
    const part = names.slice(start, start + atOnce);
    const found = await Promise.allSettled(part.map((name) => describe(source, name)));
    for (const [index, result] of found.entries()) {
      if (result.status === "fulfilled") pictures.push(result.value);
      else {
        const id = join(source, part[index] ?? "");
        hidden.push(id);
        tally.add("unreadable-image", id, (result.reason as Error).message);
      }
    }
  }
  return pictures;
}

/** How a path that begins with a folder begins. */
export const startOf = (folder: string): string => (folder.endsWith(sep) ? folder : folder + sep);

async function namesIn(path: string, tally: LeftOutTally, hidden: string[]): Promise<readonly string[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new ClipError("not-found", `There is no file or folder ${path}.`, { cause, data: { path } });
  });
  if (!found.isDirectory()) return [""];
  return imagesAmong(await listFiles(notingAccess(hidden), path, tally), tally);
}

/**
 * Pictures below a folder, or one file, by their endings; what else lies there is counted. Linked folders are followed.
 * Names, sizes and times of all are in memory, some 300 bytes a picture.
 * @throws ClipError "not-found" for a path that is not there.
 */
export async function listFolder(path: string): Promise<FoundSource> {
  const tally = createTally();
  const hidden: string[] = [];
  const pictures = await describeAll(path, await namesIn(path, tally, hidden), { tally, hidden });
  const open = async () => ({
    pictures,
    place: async (index: number) => {
      const { id, bytes } = pictures[index] as FoundPicture;
      return { path: id, offset: 0, length: bytes };
    },
    close: async () => undefined,
  });
  return {
    path,
    groups: pictures.length === 0 ? [] : [{ name: path, samples: pictures.length, open }],
    leftOut: tally.list(),
    isOutOfSight: (id) => hidden.some((place) => id === place || id.startsWith(startOf(place))),
  };
}
