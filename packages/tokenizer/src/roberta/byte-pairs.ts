import { ClipError } from "@clip-ts/base";
import { byteCharacters } from "../vocabulary.ts";

const utf8 = new TextEncoder();

/** A merge of two neighbouring tokens: its place in the list and the token it makes. */
interface Merge {
  readonly rank: number;
  readonly id: number;
}

function needId(vocabulary: ReadonlyMap<string, number>, token: string): number {
  const id = vocabulary.get(token);
  if (id !== undefined) return id;
  throw new ClipError(
    "bad-data",
    `The vocabulary lacks the token "${token}", which its merges or bytes need: take both files of ` +
      "one tokenizer.",
    { data: { token } },
  );
}

/** Both ids in one number, below 2^53 for any vocabulary that fits in memory. */
const pairKey = (left: number, right: number): number => left * 2 ** 26 + right;

function mergeTable(
  vocabulary: ReadonlyMap<string, number>,
  merges: readonly string[],
): ReadonlyMap<number, Merge> {
  const entries = merges.map((merge, rank): [number, Merge] => {
    const [left = "", right = ""] = merge.split(" ");
    const key = pairKey(needId(vocabulary, left), needId(vocabulary, right));
    return [key, { rank, id: needId(vocabulary, left + right) }];
  });
  return new Map(entries);
}

/** Replaces, in place and from the left, each pair of neighbours that the merge joins. */
function mergeEverywhere(
  ids: number[],
  { rank, id }: Merge,
  find: (left: number, right: number) => Merge | undefined,
): void {
  let kept = 0;
  for (let index = 0; index < ids.length; index++) {
    const isPair = index + 1 < ids.length && find(ids[index]!, ids[index + 1]!)?.rank === rank;
    ids[kept++] = isPair ? id : ids[index]!;
    if (isPair) index++;
  }
  ids.length = kept;
}

/**
 * Byte-level byte-pair encoding with a given vocabulary (Radford et al. 2019, "Language Models are
 * Unsupervised Multitask Learners", section 2.2): a word's UTF-8 bytes, joined pair by pair, always by
 * the earliest learnt merge. `merges` are "left right" in order of learning.
 * @throws ClipError "bad-data" if the vocabulary lacks a token of the merges, or a byte.
 */
export function bytePairEncoder(
  vocabulary: ReadonlyMap<string, number>,
  merges: readonly string[],
): (word: string) => readonly number[] {
  const byteIds = byteCharacters.map((character) => needId(vocabulary, character));
  const table = mergeTable(vocabulary, merges);
  const find = (left: number, right: number): Merge | undefined => table.get(pairKey(left, right));
  return (word) => {
    const ids = Array.from(utf8.encode(word), (byte) => byteIds[byte]!);
    for (;;) {
      let best: Merge | undefined;
      for (let index = 1; index < ids.length; index++) {
        const merge = find(ids[index - 1]!, ids[index]!);
        if (merge !== undefined && !(merge.rank >= (best?.rank ?? Infinity))) best = merge;
      }
      if (best === undefined) return ids;
      mergeEverywhere(ids, best, find);
    }
  };
}
