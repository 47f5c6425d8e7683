/** Bytes that are read in pieces: an open file, a blob. */
export interface ByteReader {
  /** Bytes. */
  readonly size: number;
  /** Up to `length` bytes from `offset` on; fewer at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Bytes read at once while something is read from its beginning to its end. */
const piece = 2 ** 18;

/**
 * The same bytes for a reader that goes forwards in small steps: it takes them a piece at a time, and
 * leaves out pieces over which it steps. What it gives is valid until the next call.
 */
export function readAhead(source: ByteReader): ByteReader {
  let start = 0;
  let held: Uint8Array = new Uint8Array(0);
  return {
    size: source.size,
    async read(offset, length) {
      if (offset < start || offset + length > start + held.byteLength) {
        held = await source.read(offset, Math.max(length, piece));
        start = offset;
      }
      return held.subarray(offset - start, offset - start + length);
    },
  };
}
