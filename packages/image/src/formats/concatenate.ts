import type { Steps } from "@clip-ts/base";

/** Bytes that are copied between two chances for a turn. */
const bytesAtATime = 2 ** 24;

/** Parts that are copied between two chances for a turn. */
const partsAtATime = 2 ** 15;

/** Pieces of bytes no longer than what is done at a time. */
export function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += bytesAtATime) {
    yield bytes.subarray(start, start + bytesAtATime);
  }
}

/** The bytes of all parts, one after the other. */
export function* concatenate(parts: readonly Uint8Array[]): Steps<Uint8Array> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const [index, part] of parts.entries()) {
    for (const piece of piecesOf(part)) {
      whole.set(piece, at);
      at += piece.length;
      if (piece.length === bytesAtATime) yield;
    }
    if (index % partsAtATime === 0) yield;
  }
  return whole;
}
