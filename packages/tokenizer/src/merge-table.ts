import type { Merges } from "./merge-pairs.ts";
import { createPairTable } from "./pair-table.ts";
import { allTokenTexts, clipVocabSize, firstMergeId, mergeTexts } from "./vocabulary.ts";

let sharedMerges: Merges | undefined;

/** All of CLIP's merges, built on first use (tens of milliseconds) and then shared. */
export function clipMergeTable(): Merges {
  sharedMerges ??= buildMerges();
  return sharedMerges;
}

function buildMerges(): Merges {
  const idOf = new Map(allTokenTexts().map((text, id) => [text, id]));
  const merges = mergeTexts(clipVocabSize);
  const table = createPairTable(merges.length);
  for (const [rank, merge] of merges.entries()) {
    const [left = "", right = ""] = merge.split(" ");
    table.add(idOf.get(left)!, idOf.get(right)!, rank);
  }
  return { rankOf: table.find, idOf: (rank) => firstMergeId + rank };
}
