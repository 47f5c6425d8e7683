import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { withFileLock } from "@clip-ts/files";

/** The file in an index's folder that is locked. */
export const lockName = ".index.lock";

/** Milliseconds that another process is waited for: one that is just ending. */
const patience = 1000;

/**
 * Changes an index while no other process does. The system ends a lock with its process, however that ends; where it has
 * no locks, the work is done without.
 * @throws ClipError "bad-argument" if another process has it.
 */
export async function withIndexLock<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  let isTaken = false;
  const wait = { patience, signOfLife: () => Promise.resolve(0), onTaken: () => void (isTaken = true) };
  return withFileLock(join(folder, lockName), wait, (isLocked) => {
    if (isLocked || !isTaken) return work();
    throw new ClipError(
      "bad-argument",
      `${folder}: another process is updating this index. Wait until it ends; searching goes on meanwhile.`,
      { data: { folder } },
    );
  });
}
