import { clipMergeTable, mergePairs } from "./merge-pairs.ts";
import { bytesInIdOrder, firstMergeId } from "./vocabulary.ts";

const mostWords = 1 << 16;
const longestWord = 64; // longer "words" are rarely seen twice

/** Remembers `compute`'s answers for the words seen last, 65,536 to 131,072 of them. */
export function cacheWords<Value>(compute: (word: string) => Value): (word: string) => Value {
  let recent = new Map<string, Value>();
  let older = new Map<string, Value>();
  return (word) => {
    const known = recent.get(word);
    if (known !== undefined) return known;
    const value = older.get(word) ?? compute(word);
    if (word.length > longestWord) return value;
    if (recent.size >= mostWords) {
      older = recent;
      recent = new Map();
    }
    recent.set(word, value);
    return value;
  };
}

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
