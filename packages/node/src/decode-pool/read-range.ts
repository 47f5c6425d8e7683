import { closeSync, openSync, readSync } from "node:fs";
import { ClipError } from "@clip-ts/base";
import type { FileRange } from "@clip-ts/data";

/** The most bytes of an image or a side file: what claims more is refused unread. */
export const mostBytes: number = 64 * 2 ** 20;

/** Reads parts of files, which stay open from one to the next. */
export interface RangeReader {
  /**
   * The bytes of a part, which the caller owns.
   * @throws ClipError "bad-data" for a part that is too long or lies beyond the file's end, or what the system throws.
   */
  read(range: FileRange): Uint8Array;
  /** Closes all files; they are opened again when they are read. */
  close(): void;
}

function fill(target: Uint8Array, file: number, { path, offset, length }: FileRange): void {
  let done = 0;
  while (done < length) {
    const count = readSync(file, target, done, length - done, offset + done);
    if (count === 0) {
      const message = `${path} ends before byte ${offset + length}: it was cut, or changed since it was listed`;
      throw new ClipError("bad-data", message, { data: { path, offset, length } });
    }
    done += count;
  }
}

/** Throws "bad-data" for more bytes than are read at once. */
export function checkLength(length: number): void {
  if (length <= mostBytes) return;
  throw new ClipError("bad-data", `it has ${length} bytes, more than the ${mostBytes} that are read of one file`, {
    data: { length, mostBytes },
  });
}

/**
 * A reader for a thread of its own, which waits for the disk: of other files it keeps the latest `mostOpen`
 * open.
 */
export function createRangeReader(mostOpen = 16): RangeReader {
  const open = new Map<string, number>(); // the latest used last
  const handle = (path: string): number => {
    const file = open.get(path) ?? openSync(path, "r");
    open.delete(path);
    open.set(path, file);
    const [oldest] = open;
    if (open.size > mostOpen && oldest !== undefined) {
      open.delete(oldest[0]);
      closeSync(oldest[1]);
    }
    return file;
  };
  return {
    read(range) {
      checkLength(range.length);
      const bytes = new Uint8Array(range.length);
      fill(bytes, handle(range.path), range);
      return bytes;
    },
    close() {
      for (const file of open.values()) closeSync(file);
      open.clear();
    },
  };
}
