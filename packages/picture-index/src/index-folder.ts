import { existsSync } from "node:fs";
import { mkdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { lockName, withIndexLock } from "./index-lock.ts";
import { removeOldStores } from "./index-record.ts";

/** Removes folders from `folder` up to `top`, as far as nothing is in them. */
async function removeEmpty(folder: string, top: string): Promise<void> {
  try {
    await rmdir(folder);
    if (folder !== top) await removeEmpty(dirname(folder), top);
  } catch {
    // Somebody put something there: it stays, and so do the folders above.
  }
}

/**
 * Works in an index's folder while no other process does, and makes it if need be. Where work that fails has made no
 * index, what it made is taken away again: no empty folder stays of a mistyped name.
 */
export async function inIndexFolder<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  const made = await mkdir(folder, { recursive: true });
  let isOurs = false;
  try {
    return await withIndexLock(folder, () => {
      isOurs = true;
      return work();
    });
  } catch (error) {
    if (isOurs && !existsSync(join(folder, "index.json"))) {
      await removeOldStores(folder);
      await rm(join(folder, lockName), { force: true });
      if (made !== undefined) await removeEmpty(folder, made);
    }
    throw error;
  }
}
