import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeWord } from "./encode-word.ts";
import { byteCharacters, mergeTexts, tokenTexts } from "./vocabulary.ts";

const vocabSize = 49_408;
const ranks = new Map(mergeTexts(vocabSize).map((merge, rank) => [merge, rank]));
const idOf = new Map(tokenTexts(vocabSize).map((text, id) => [text, id]));

/** The published algorithm on strings, written for obviousness. */
function referenceIds(word: string, merges: number): number[] {
  const parts = Array.from(new TextEncoder().encode(word), (byte) => byteCharacters.at(byte) ?? "");
  parts[parts.length - 1] += "</w>";
  const rankAt = (index: number): number => {
    const rank = ranks.get(`${parts[index]} ${parts[index + 1]}`) ?? Infinity;
    return rank < merges ? rank : Infinity;
  };
  while (parts.length > 1) {
    const candidates = Array.from({ length: parts.length - 1 }, (_, index) => rankAt(index));
    const best = Math.min(...candidates);
    if (best === Infinity) break;
    const index = candidates.indexOf(best);
    parts.splice(index, 2, parts.slice(index, index + 2).join(""));
  }
  return parts.map((part) => idOf.get(part)!);
}

test("agrees with the published algorithm on strings, for any number of merges", () => {
  const word = fc.oneof(
    fc.stringMatching(/^[a-z]{1,30}$/),
    fc.stringMatching(/^(ha|o|n|!|\.){1,20}$/),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
  );
  fc.assert(
    fc.property(word, fc.integer({ min: 0, max: 48_894 }), (word, merges) => {
      expect(encodeWord(word, 512 + merges)).toEqual(referenceIds(word, merges));
    }),
    { numRuns: 1000 },
  );
});

test("the vocabulary has 49,406 different tokens beside start and end", () => {
  expect(tokenTexts(vocabSize)).toHaveLength(49_406);
  expect(idOf.size).toBe(49_406);
  expect(mergeTexts(vocabSize)).toHaveLength(48_894);
});
