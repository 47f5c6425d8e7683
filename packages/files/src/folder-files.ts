import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ClipError, isClipError, shown } from "@clip-ts/base";
import { readBytes, syncFolder, unwritten, writeFileWhole } from "./files.ts";

/** Files of one folder by name, as an index keeps them. */
export interface FolderFiles {
  /** The content, or undefined if there is no such file. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Writes a file whole or not at all; once this resolves it outlives a power cut. */
  write(name: string, chunks: Iterable<Uint8Array>): Promise<void>;
  /** Removes a file, if it is there. */
  remove(name: string): Promise<void>;
  /** Names of all files, in no order. */
  list(): Promise<readonly string[]>;
}

/** Of a file that is being written. */
const partial = ".partial";
/** Names that every file system takes and that stay within the folder. */
const safeName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/u;

function assertName(name: string): void {
  if (safeName.test(name) && !name.endsWith(partial)) return;
  const expected = `letters, digits, ".", "_" and "-", a letter or digit first, no "${partial}" at the end`;
  throw new ClipError("bad-argument", `The file name ${shown(name)}: expected ${expected}.`);
}

/** What the system says where there is no such file. */
function isMissing(error: unknown): boolean {
  const cause = isClipError(error) ? error.cause : error;
  return cause instanceof Error && "code" in cause && cause.code === "ENOENT";
}

/**
 * The files of a folder, which is made where it is missing. One process at a time may write there: what an earlier one
 * left half written is removed.
 * @throws ClipError "not-written" for a folder that cannot be made; so do `write` and `remove`, by the file's path.
 */
export async function folderFiles(folder: string): Promise<FolderFiles> {
  const named = async <Result>(path: string, work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (cause) {
      throw unwritten(path, cause);
    }
  };
  const made = await named(folder, mkdir(folder, { recursive: true }));
  if (made !== undefined) await named(folder, syncFolder(dirname(folder)));
  const names = async (): Promise<string[]> => {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  };
  for (const name of await named(folder, names())) {
    if (name.endsWith(partial)) await named(join(folder, name), rm(join(folder, name), { force: true }));
  }
  return {
    async read(name) {
      assertName(name);
      try {
        return await readBytes(join(folder, name));
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    async write(name, chunks) {
      assertName(name);
      await writeFileWhole(join(folder, name), chunks);
    },
    async remove(name) {
      assertName(name);
      const path = join(folder, name);
      await named(path, rm(path, { force: true }));
      await named(path, syncFolder(folder));
    },
    list: async () => (await names()).filter((name) => !name.endsWith(partial)),
  };
}
