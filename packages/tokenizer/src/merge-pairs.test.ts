import fc from "fast-check";
import { expect, test } from "vitest";
import { createFileTokenizer } from "./file-tokenizer.ts";
import { mergePairs, type Merges } from "./merge-pairs.ts";

/** Merges of small numbers: `rules[left][right]` is a rank, which makes the token 10 + rank. */
function mergesOf(rules: readonly (readonly [number, number])[], looks = { count: 0 }): Merges {
  return {
    idOf: (rank) => 10 + rank,
    rankOf(left, right) {
      looks.count++;
      return rules.findIndex((rule) => rule[0] === left && rule[1] === right);
    },
  };
}

/** The published algorithm, one merge at a time, written for obviousness. */
function reference(ids: readonly number[], { rankOf, idOf }: Merges): number[] {
  const left = [...ids];
  for (;;) {
    const ranks = left.slice(1).map((id, index) => rankOf(left[index]!, id));
    const best = Math.min(...ranks.filter((rank) => rank !== -1), Infinity);
    if (best === Infinity) return left;
    left.splice(ranks.indexOf(best), 2, idOf(best));
  }
}

const id = fc.integer({ min: 0, max: 14 });

test("agrees with the published algorithm, also for merges that were not learnt in order", () => {
  const rules = fc.uniqueArray(fc.tuple(id, id), { maxLength: 6, selector: String });
  fc.assert(
    fc.property(rules, fc.array(fc.nat(3), { maxLength: 30 }), (known, ids) => {
      const merges = mergesOf(known.filter(([left, right]) => left < 12 && right < 12));
      expect(mergePairs(ids, merges)).toEqual(reference(ids, merges));
    }),
    { numRuns: 3000 },
  );
});

test.each<readonly [string, readonly number[]]>([
  ["one letter", [0]],
  ["two letters", [0, 1]],
  ["nothing to join", [2]],
])("a long word of %s costs looks in proportion to its length", (_name, unit) => {
  const rules = [
    [0, 0],
    [10, 10],
    [11, 11],
    [0, 1],
    [13, 13],
  ] as const;
  const looksAt = (length: number): number => {
    const looks = { count: 0 };
    mergePairs(
      Array.from({ length }, (_, index) => unit[index % unit.length]!),
      mergesOf(rules, looks),
    );
    return looks.count;
  };
  expect(looksAt(64_000)).toBeLessThan(3.2 * looksAt(20_000) * 1.1);
  expect(looksAt(64_000)).toBeLessThan(4 * 64_000);
});

test("a piece longer than any stack is cut into pieces", () => {
  const vocab = [
    ["<unk>", 0],
    ["</s>", 0],
    ["▁", -3],
    ["a", -2],
    ["aaa", -2.5],
  ];
  const model = { type: "Unigram", unk_id: 0, vocab };
  const pre_tokenizer = { type: "Metaspace", prepend_scheme: "always" };
  const config = { eos_token: "</s>" };
  const tokenizer = createFileTokenizer(
    {
      "tokenizer.json": JSON.stringify({ model, pre_tokenizer }),
      "tokenizer_config.json": JSON.stringify(config),
    },
    { contextLength: 6 },
  );
  expect(tokenizer.encode("a".repeat(300_000))).toEqual([2, 4, 4, 4, 4, 4]);
});
