import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { withFileLock } from "@clip-ts/files";
import type { WorkPart } from "@clip-ts/node";

/** Milliseconds that a part which another process has is waited for: one that is just ending. */
const patience = 1000;

/**
 * Does the work of a part while no other process does the same part in the same folder. Where the system has no locks,
 * the work is done without.
 * @throws ClipError "bad-argument" if another process has it.
 */
export async function claimPart(folder: string, { number, of }: WorkPart, work: () => Promise<void>): Promise<void> {
  let isTaken = false;
  const wait = { patience, signOfLife: () => Promise.resolve(0), onTaken: () => void (isTaken = true) };
  await withFileLock(join(folder, `.part-${number}-of-${of}.lock`), wait, async (isLocked) => {
    if (isLocked || !isTaken) return work();
    const part = of === 1 ? "embeds into it" : `embeds part ${number}/${of} into it`;
    throw new ClipError(
      "bad-argument",
      `${folder}: another process ${part}. Wait until it ends, or share the work with --part I/N.`,
      { data: { folder, number, of } },
    );
  });
}
