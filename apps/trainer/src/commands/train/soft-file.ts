import { open, type FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { note } from "../../cli/output.ts";

/** A file that grows by records while training goes on, whatever becomes of the disk. */
export interface SoftFile {
  /** Queues a record; what the disk does not take now is tried again with the next. */
  readonly write: (record: Uint8Array | string) => void;
  /** Writes what is queued and closes the file. */
  readonly close: () => Promise<void>;
}

/** Records kept for a disk that takes none; a metrics line has about 300 bytes. */
const mostKept = 100_000;

/**
 * Opens a file to write records at its end. A full or failing disk ends nothing: that is said once, the
 * records wait, and a record that went out in part is written whole in its place later.
 */
export function createSoftFile(path: string): SoftFile {
  const name = basename(path);
  const waiting: Uint8Array[] = [];
  let handle: FileHandle | undefined;
  let end = 0;
  let dropped = 0;
  let isFailing = false;
  let working: Promise<void> = Promise.resolve();

  const flush = async (): Promise<void> => {
    if (handle === undefined) {
      handle = await open(path, "r+").catch(() => open(path, "w+"));
      end = (await handle.stat()).size;
    }
    while (waiting[0] !== undefined) {
      const [record] = waiting;
      const { bytesWritten } = await handle.write(record, 0, record.length, end);
      if (bytesWritten < record.length) throw new Error("the disk is full");
      end += record.length;
      waiting.shift();
    }
    if (isFailing) note(`note    ${name} can be written again`);
    isFailing = false;
  };
  const flushSoftly = (): Promise<void> =>
    flush().catch((error: unknown) => {
      if (isFailing) return;
      isFailing = true;
      const reason = error instanceof Error ? error.message : String(error);
      note(`note    ${name} cannot be written (${reason}): training goes on, and it is tried again`);
    });

  return {
    write(record) {
      waiting.push(typeof record === "string" ? new TextEncoder().encode(record) : record);
      if (waiting.length > mostKept) dropped += waiting.splice(0, 1).length;
      working = working.then(flushSoftly);
    },
    async close() {
      await working;
      if (waiting.length > 0) await flushSoftly();
      const lost = dropped + waiting.length;
      if (lost > 0) note(`note    ${name} lacks ${lost} records that the disk did not take`);
      await handle?.close().catch(() => undefined);
    },
  };
}
