import { ClipError } from "@clip-ts/base";
import { growFile, openFile } from "@clip-ts/files";
import { npyHead } from "./npy.ts";

/** Rows that are written to a NumPy file as they come: float32 [rows, dim]. */
export interface NpyWriter {
  /** Appends whole rows. @throws ClipError "bad-shape" for others, "not-written" where the disk does not take them. */
  append(values: Float32Array): Promise<void>;
  /** Rows so far. */
  readonly rows: number;
  /** Writes how many there are and moves the file to its place. */
  finish(): Promise<void>;
  /** Gives the file up, unless it is finished. */
  discard(): Promise<void>;
}

/** Rows of so many digits leave the head as long as it is for none. */
const headBytes = npyHead(0, 1).byteLength;

/** Begins a NumPy file of rows of `dim` values; it is in its place, whole, once it is finished. */
export async function createNpyWriter(path: string, dim: number): Promise<NpyWriter> {
  const file = await growFile(path);
  await file.append(new Uint8Array(headBytes));
  let rows = 0;
  return {
    get rows() {
      return rows;
    },
    async append(values) {
      if (values.length % dim !== 0) {
        throw new ClipError("bad-shape", `${path} has rows of ${dim} values, got ${values.length} values`);
      }
      await file.append(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      rows += values.length / dim;
    },
    finish: () => file.finish(npyHead(rows, dim)),
    discard: () => file.discard(),
  };
}

/** A NumPy file of float32 [rows, dim] that is open. */
export interface NpyFile {
  readonly rows: number;
  readonly dim: number;
  /** Its values as they lie, in pieces. */
  chunks(): AsyncGenerator<Uint8Array>;
  close(): Promise<void>;
}

/** Bytes read at a time. */
const piece = 2 ** 20;

/**
 * Opens a NumPy file as this package writes them; close it when done.
 * @throws ClipError "not-found" if there is none, "bad-data" for another kind, or one that is cut short.
 */
export async function openNpy(path: string): Promise<NpyFile> {
  const { size, read, close } = await openFile(path);
  const head = Buffer.from(await read(0, headBytes)).toString("latin1");
  const shape = /'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\)/.exec(head);
  const [rows, dim] = [Number(shape?.[1]), Number(shape?.[2])];
  if (size !== headBytes + 4 * rows * dim) {
    await close();
    const found = shape === null ? "another head" : `[${rows}, ${dim}] and ${size} bytes`;
    throw new ClipError("bad-data", `${path}: expected a whole NumPy file of float32 [rows, dim], found ${found}`);
  }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let offset = headBytes; offset < size; offset += piece)
      yield await read(offset, Math.min(piece, size - offset));
  }
  return { rows, dim, chunks, close };
}
