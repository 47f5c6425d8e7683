import { mergePairs } from "./merge-pairs.ts";
import { clipMergeTable } from "./merge-table.ts";
import { bytesInIdOrder, firstMergeId } from "./vocabulary.ts";

const utf8 = new TextEncoder();
const lastByteOffset = 256; // a word's last byte has ids of its own

/** Id of each byte inside a word, indexed by byte. */
const byteIds = new Uint16Array(256);
for (const [id, byte] of bytesInIdOrder.entries()) byteIds[byte] = id;

/**
 * Token ids of one word: its UTF-8 bytes, joined pair by pair, always the earliest learnt merge
 * first, until no merge below `mergeLimit` (an id) is left.
 */
export function encodeWord(word: string, mergeLimit: number): readonly number[] {
  const bytes = utf8.encode(word);
  const ids = new Uint16Array(bytes.length);
  for (let index = 0; index < bytes.length; index++) ids[index] = byteIds[bytes[index]!]!;
  ids[ids.length - 1]! += lastByteOffset;
  const { rankOf, idOf } = clipMergeTable();
  const merges = mergeLimit - firstMergeId;
  return mergePairs(ids, {
    idOf,
    rankOf(left, right) {
      const rank = rankOf(left, right);
      return rank < merges ? rank : -1;
    },
  });
}
