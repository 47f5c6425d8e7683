import { expect, test } from "vitest";
import { unigramModel } from "./unigram-model.ts";

/** Float32 scores, as SentencePiece's files hold them. */
const modelOf = (one: number, two: number) => ({
  unk_id: 0,
  vocab: [
    ["<unk>", 0],
    ["l", Math.fround(one)],
    ["ll", Math.fround(two)],
  ],
});

test("of cuts that are equally good the first counts, unless sums are float32 and rounded down", () => {
  const hidden = new Set<number>();
  const scores = Array.from({ length: 40 }, (_, index) => [-5 - index / 7, -7 - index / 11] as const);
  const fell = scores.filter(([one, two]) => {
    const sum = Math.fround(one) + Math.fround(two);
    return Math.fround(sum) < sum;
  });
  expect(fell.length).toBeGreaterThan(5);
  expect(fell.length).toBeLessThan(scores.length);
  for (const pair of scores) {
    const model = modelOf(...pair);
    expect(unigramModel(model, "model", { hidden }).encode("lll")).toEqual([1, 2]);
    const single = unigramModel(model, "model", { hidden, isSingle: true }).encode("lll");
    expect(single).toEqual(fell.includes(pair) ? [2, 1] : [1, 2]);
  }
});

test("long words, unknown stretches and hidden pieces", () => {
  const { encode } = unigramModel(modelOf(-1, -1.5), "model", { hidden: new Set([2]) });
  expect(encode("l".repeat(1000))).toEqual(Array.from({ length: 1000 }, () => 1));
  expect(encode("xxl😀😀l")).toEqual([0, 1, 0, 1]);
  expect(encode("")).toEqual([]);
});
