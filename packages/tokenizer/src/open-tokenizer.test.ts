import { expect, test } from "vitest";
import roberta from "./fixtures/roberta.json" with { type: "json" };
import siglip from "./fixtures/siglip.json" with { type: "json" };
import { openTokenizer, type TowerVocabulary } from "./open-tokenizer.ts";

const folder =
  (files: Readonly<Record<string, unknown>>) =>
  (name: string): Promise<string | undefined> => {
    const content = files[name];
    const isText = typeof content === "string" || content === undefined;
    return Promise.resolve(isText ? content : JSON.stringify(content));
  };
const empty = folder({});

test("CLIP's tokenizer needs no files, cut to the tower's vocabulary", async () => {
  const tower = { vocabSize: 600, contextLength: 12, padTokenId: 0 };
  const tokenizer = await openTokenizer(tower, empty);
  expect(tokenizer).toMatchObject({ vocabSize: 600, contextLength: 12, endId: 599 });
  expect(await openTokenizer({ ...tower, vocabSize: 200 }, empty)).toBeUndefined();
  expect(await openTokenizer({ ...tower, vocabSize: 50_000 }, empty)).toBeUndefined();
});

test.each([{ causal: false }, { pooling: "last" }])(
  "a tower that reads padding gets rows as wide as the context (%o)",
  async (reading) => {
    const tower = { vocabSize: 600, contextLength: 12, padTokenId: 0 };
    const narrow = await openTokenizer(tower, empty);
    const wide = await openTokenizer({ ...tower, ...reading }, empty);
    expect(narrow!.encodeBatch(["a"], { multiple: 4 }).tokens).toBe(4);
    expect(wide!.encodeBatch(["a"], { multiple: 4 }).tokens).toBe(12);
  },
);

const tower = { vocabSize: 50265, contextLength: 20, padTokenId: 1 };

test("RoBERTa's is read from either kind of folder", async () => {
  const kind = "roberta" as const;
  const { vocab, merges } = roberta;
  const split = { "vocab.json": vocab, "merges.txt": merges.join("\n") };
  const whole = { "tokenizer.json": { model: { type: "BPE", vocab, merges } } };
  const [{ text, ids }] = roberta.cases.slice(-1) as [(typeof roberta.cases)[number]];
  for (const files of [split, whole]) {
    const tokenizer = await openTokenizer({ kind, ...tower }, folder(files));
    expect(tokenizer!.encode(text)).toEqual([...ids.slice(0, 19), ids.at(-1)].slice(0, ids.length));
    expect(tokenizer).toMatchObject({ contextLength: 20, endId: 2, padId: 1 });
  }
});

test("SigLIP's is read from tokenizer.json", async () => {
  const kind = "siglip" as const;
  const files = folder({ "tokenizer.json": siglip.tokenizer });
  const tokenizer = await openTokenizer({ kind, ...tower }, files);
  expect(tokenizer!.encodeBatch(["a cat"]).tokens).toBe(20);
});

test.each<TowerVocabulary["kind"]>(["roberta", "siglip"])(
  "without files there is no tokenizer of kind %s, and never CLIP's in its place",
  async (kind) => {
    expect(await openTokenizer({ kind, ...tower, vocabSize: 32_000 }, empty)).toBeUndefined();
  },
);
