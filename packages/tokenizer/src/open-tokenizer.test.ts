import { expect, test } from "vitest";
import roberta from "./fixtures/roberta.json" with { type: "json" };
import siglip from "./fixtures/siglip.json" with { type: "json" };
import { createClipTokenizer } from "./tokenizer.ts";
import { openTokenizer, type TowerVocabulary } from "./open-tokenizer.ts";

const folder =
  (files: Readonly<Record<string, unknown>>) =>
  (name: string): Promise<string | undefined> => {
    const content = files[name];
    const isText = typeof content === "string" || content === undefined;
    return Promise.resolve(isText ? content : JSON.stringify(content));
  };
const empty = folder({});

const tiny = { vocabSize: 600, contextLength: 12, padTokenId: 0 };
const cutsVocabulary = true;

test("CLIP's tokenizer needs no files where the vocabulary is CLIP's whole one", async () => {
  const whole = await openTokenizer({ ...tiny, vocabSize: 49_408 }, empty);
  expect(whole).toMatchObject({ source: "clip", vocabSize: 49_408, endId: 49_407 });
  expect(await openTokenizer(tiny, empty)).toBeUndefined();
});

test("CLIP's vocabulary is cut only where that is said", async () => {
  const tokenizer = await openTokenizer(tiny, empty, { cutsVocabulary });
  expect(tokenizer).toMatchObject({ vocabSize: 600, contextLength: 12, endId: 599 });
  for (const vocabSize of [200, 50_000]) {
    expect(await openTokenizer({ ...tiny, vocabSize }, empty, { cutsVocabulary })).toBeUndefined();
  }
});

test.each([
  ["whole", 49_408],
  ["cut", 600],
])("CLIP's own files, %s, are known again and keep CLIP's cleaning", async (_name, vocabSize) => {
  const clip = createClipTokenizer({ vocabSize, contextLength: 12 });
  const json = clip.files()["tokenizer.json"] as {
    model: { vocab: object; merges: string[] };
  };
  const slow = { "vocab.json": json.model.vocab, "merges.txt": json.model.merges.join("\n") };
  const pairs = json.model.merges.map((merge) => merge.split(" "));
  const renewed = { "tokenizer.json": { ...json, model: { ...json.model, merges: pairs } } };
  for (const files of [clip.files(), slow, renewed]) {
    const tokenizer = await openTokenizer({ ...tiny, vocabSize }, folder(files));
    expect(tokenizer).toMatchObject({ source: "clip", vocabSize, contextLength: 12 });
    expect(tokenizer!.encode("“It’s” &amp; sÃ³")).toEqual(clip.encode("“It’s” &amp; sÃ³"));
  }
  const [first, second, ...rest] = json.model.merges;
  const swapped = { ...json.model, merges: [second, first, ...rest] };
  const other = folder({ "tokenizer.json": { ...json, model: swapped } });
  expect(await openTokenizer({ ...tiny, vocabSize }, other)).toMatchObject({ source: "files" });
});

test("an end token that the tower does not pool at is refused", async () => {
  const files = folder(createClipTokenizer({ vocabSize: 600 }).files());
  const opened = openTokenizer({ ...tiny, endTokenId: 2 }, files);
  await expect(opened).rejects.toThrow(/ends captions with 599, but the text tower pools at 2/u);
});

test("an id that the tower has no row for is refused", async () => {
  const { "tokenizer.json": json } = createClipTokenizer({ vocabSize: 600 }).files();
  const added = { id: 700, content: "zebra", special: false, normalized: false };
  const tokens = (json as { added_tokens: object[] }).added_tokens;
  const files = { "tokenizer.json": { ...(json as object), added_tokens: [...tokens, added] } };
  const tokenizer = await openTokenizer(tiny, folder(files));
  expect(() => tokenizer!.encode("a zebra")).toThrow(/makes the id 700, .* reads 600/u);
});

test.each([{ causal: false }, { pooling: "last" }])(
  "a tower that reads padding gets rows as wide as the context (%o)",
  async (reading) => {
    const narrow = await openTokenizer(tiny, empty, { cutsVocabulary });
    const wide = await openTokenizer({ ...tiny, ...reading }, empty, { cutsVocabulary });
    expect(narrow!.encodeBatch(["a"], { multiple: 4 }).tokens).toBe(4);
    expect(wide!.encodeBatch(["a"], { multiple: 4 }).tokens).toBe(12);
    // Python must fill rows up with the same token.
    expect(wide!.files()["tokenizer_config.json"]).toMatchObject({ pad_token: "!" });
    expect(narrow!.files()["tokenizer_config.json"]).toMatchObject({ pad_token: "<|endoftext|>" });
  },
);

const tower = { vocabSize: 50265, contextLength: 20, padTokenId: 1 };

test("RoBERTa's is read from either kind of folder", async () => {
  const kind = "roberta" as const;
  const { vocab, merges } = roberta;
  const split = { "vocab.json": vocab, "merges.txt": merges.join("\n") };
  const whole = {
    "tokenizer.json": {
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
      post_processor: { type: "RobertaProcessing", sep: ["</s>", 2], cls: ["<s>", 0] },
      model: { type: "BPE", vocab, merges },
    },
  };
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

const named = { hf_tokenizer_name: "x", context_length: 9 };

test.each([
  [{ tokenizer_kwargs: { reduction_mask: "simple" } }, "tokenizer_kwargs.reduction_mask"],
  [{ tokenizer_kwargs: { additional_special_tokens: ["<x>"] } }, "additional_special_tokens"],
  [{ tokenizer_kwargs: { clean: "upper" } }, "tokenizer_kwargs.clean"],
  [{ ...named, tokenizer_kwargs: { language: "de" } }, "tokenizer_kwargs.language"],
  [{ ...named, tokenizer_mode: "clips" }, "tokenizer_mode"],
])("what open_clip's tokenizers take and is not understood is refused by key: %j", async (cfg, key) => {
  const opened = openTokenizer({ ...tiny, vocabSize: 49_408 }, empty, { openClip: cfg });
  await expect(opened).rejects.toMatchObject({
    code: "unsupported",
    message: expect.stringContaining(key),
  });
});

test("open_clip's settings that are switched off are none", async () => {
  const kwargs = { reduction_mask: "", additional_special_tokens: null, clean: "canonicalize" };
  const openClip = { tokenizer_kwargs: kwargs, context_length: 12 };
  const tokenizer = await openTokenizer({ ...tiny, vocabSize: 49_408 }, empty, { openClip });
  expect(tokenizer).toMatchObject({ source: "clip", cleaning: "canonicalize" });
});

test("open_clip takes CLIP's own tokenizer only where it names no other", async () => {
  const tower = { ...tiny, vocabSize: 49_408 };
  expect(await openTokenizer(tower, empty, { openClip: named })).toBeUndefined();
});

test.each(["padding_side", "truncation_side"])("%s at the left is refused", async (key) => {
  const files = { "tokenizer.json": siglip.tokenizer, "tokenizer_config.json": { [key]: "left" } };
  const opened = openTokenizer({ kind: "siglip", ...tower }, folder(files));
  await expect(opened).rejects.toThrow(new RegExp(`${key} is "left"`, "u"));
});
