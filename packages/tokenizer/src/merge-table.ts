import { allTokenTexts, clipVocabSize, firstMergeId, mergeTexts } from "./vocabulary.ts";

const slotBits = 17; // 131,072 slots for 48,894 merges

/**
 * Finds the token that two neighbouring tokens merge into: an open-addressing hash table over
 * typed arrays. A merged token's id is also its rank, as ids follow the order of learning.
 */
export interface MergeTable {
  /** Id of the merged token, or 0, which no merge makes. */
  find(left: number, right: number): number;
}

let sharedTable: MergeTable | undefined;

/** The table of all CLIP merges, built on first use (tens of milliseconds) and then shared. */
export function clipMergeTable(): MergeTable {
  sharedTable ??= buildMergeTable();
  return sharedTable;
}

function buildMergeTable(): MergeTable {
  const keys = new Uint32Array(1 << slotBits);
  const merged = new Uint16Array(1 << slotBits);
  const slotOf = (key: number): number => {
    let slot = Math.imul(key, 0x9e3779b1) >>> (32 - slotBits); // Knuth's multiplicative hash
    while (merged[slot] !== 0 && keys[slot] !== key) slot = (slot + 1) & (keys.length - 1);
    return slot;
  };
  const idOf = new Map(allTokenTexts().map((text, id) => [text, id]));
  for (const [rank, merge] of mergeTexts(clipVocabSize).entries()) {
    const [left = "", right = ""] = merge.split(" ");
    const key = pairKey(idOf.get(left)!, idOf.get(right)!);
    const slot = slotOf(key);
    keys[slot] = key;
    merged[slot] = firstMergeId + rank;
  }
  return { find: (left, right) => merged[slotOf(pairKey(left, right))]! };
}

/** Both ids in one unsigned 32-bit number: 49,408² < 2³². */
function pairKey(left: number, right: number): number {
  return left * clipVocabSize + right;
}
