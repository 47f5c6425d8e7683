import { clipMergeTable } from "./merge-table.ts";
import { bytesInIdOrder } from "./vocabulary.ts";

const utf8 = new TextEncoder();
const lastByteOffset = 256; // a word's last byte has ids of its own

/** Id of each byte inside a word, indexed by byte. */
const byteIds = new Uint16Array(256);
for (const [id, byte] of bytesInIdOrder.entries()) byteIds[byte] = id;

/**
 * Token ids of one word: its UTF-8 bytes, joined pair by pair, always the earliest learnt merge
 * first, until no merge below `mergeLimit` (an id) is left.
 * Byte-pair encoding: Sennrich et al. 2016, arXiv:1508.07909, algorithm 1.
 */
export function encodeWord(word: string, mergeLimit: number): readonly number[] {
  const ids: number[] = [];
  for (const byte of utf8.encode(word)) ids.push(byteIds[byte]!);
  ids[ids.length - 1]! += lastByteOffset;
  const { find } = clipMergeTable();
  for (;;) {
    let best = mergeLimit;
    for (let index = 1; index < ids.length; index++) {
      const merged = find(ids[index - 1]!, ids[index]!);
      if (merged !== 0 && merged < best) best = merged;
    }
    if (best === mergeLimit) return ids;
    mergeEverywhere(ids, best);
  }
}

/** Replaces, in place and from the left, each pair of neighbours that merges into `target`. */
function mergeEverywhere(ids: number[], target: number): void {
  const { find } = clipMergeTable();
  let kept = 0;
  for (let index = 0; index < ids.length; index++) {
    const isPair = index + 1 < ids.length && find(ids[index]!, ids[index + 1]!) === target;
    ids[kept++] = isPair ? target : ids[index]!;
    if (isPair) index++;
  }
  ids.length = kept;
}
