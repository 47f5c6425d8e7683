import { expect, test } from "vitest";
import { unigramModel } from "./unigram-model.ts";

const model = {
  unk_id: 0,
  vocab: [
    ["<unk>", 0],
    ["l", -1],
    ["ll", -1.5],
  ],
};

test("of cuts that are equally good the first counts", () => {
  expect(unigramModel(model, "model", new Set()).encode("lll")).toEqual([1, 2]);
});

test("long words, unknown stretches and hidden pieces, one after the other", () => {
  const { encode } = unigramModel(model, "model", new Set([2]));
  expect(encode("l".repeat(1000))).toEqual(Array.from({ length: 1000 }, () => 1));
  expect(encode("xxl😀😀l")).toEqual([0, 1, 0, 1]);
  expect(encode("")).toEqual([]);
});
