import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder, unwritten } from "./files.ts";

/** A file that is written piece by piece beside its place, and moved there at the end: whole or not at all. */
export interface GrowingFile {
  append(bytes: Uint8Array): Promise<void>;
  /** Writes `head` over the beginning, if there is one, syncs the file and moves it to its place. */
  finish(head?: Uint8Array): Promise<void>;
  /** Gives it up; after `finish` it does nothing. */
  discard(): Promise<void>;
}

/**
 * Begins a file, over what an earlier attempt may have left of it; one attempt at a time.
 * @throws ClipError "not-written" that names the file and says what the system said; so do its calls.
 */
export async function growFile(path: string): Promise<GrowingFile> {
  const partial = `${path}.partial`;
  const named = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (cause) {
      throw unwritten(path, cause);
    }
  };
  const handle = await named(open(partial, "w"));
  let [isOpen, isDone] = [true, false];
  const close = async (): Promise<void> => {
    if (isOpen) await handle.close();
    isOpen = false;
  };
  const writeAll = async (bytes: Uint8Array, position: number | null): Promise<void> => {
    for (let done = 0; done < bytes.byteLength;) {
      const at = position === null ? null : position + done;
      done += (await handle.write(bytes, done, bytes.byteLength - done, at)).bytesWritten;
    }
  };
  const settle = async (head: Uint8Array): Promise<void> => {
    await writeAll(head, 0);
    await handle.sync();
    await close();
    await rename(partial, path);
    isDone = true;
    await syncFolder(dirname(path));
  };
  return {
    append: (bytes) => named(writeAll(bytes, null)),
    finish: (head = new Uint8Array()) => named(settle(head)),
    async discard() {
      if (isDone) return;
      await close();
      await rm(partial, { force: true });
    },
  };
}
