import { readFileSync } from "node:fs";
import { isClipError } from "@clip-ts/base";
import { expect, test } from "vitest";
import { createFileTokenizer } from "./file-tokenizer.ts";
import { openTokenizer, type TowerVocabulary } from "./open-tokenizer.ts";
import { decodeBase64 } from "./pipeline/base64.ts";
import { readSentencePiece } from "./pipeline/sentencepiece.ts";
import type { Tokenizer } from "./tokenizer.ts";

interface Stored {
  readonly name: string;
  readonly tower: TowerVocabulary;
  readonly openClip?: object;
  readonly language?: string;
  /** In place of the folder's `tokenizer_config.json`. */
  readonly config?: string;
  /** Whether `ids` are whole rows, padding included. */
  readonly rows?: boolean;
  readonly texts?: Readonly<Record<string, string>>;
  /** SentencePiece models in base64. */
  readonly models?: Readonly<Record<string, string>>;
  /** The case that has the same files. */
  readonly filesOf?: string;
  /** Ids that transformers or open_clip gives; null where these read a special token and we plain text. */
  readonly ids: readonly (readonly number[] | null)[];
}

/** Written by tools/peers/make_piece_fixtures.py. */
const { texts, tokenizers } = JSON.parse(readFileSync(new URL("fixtures/pieces.json", import.meta.url), "utf8")) as {
  readonly texts: readonly string[];
  readonly tokenizers: readonly Stored[];
};

async function open(stored: Stored, changes: Partial<Stored> = {}): Promise<Tokenizer> {
  const { tower, openClip, language, config, filesOf } = { ...stored, ...changes };
  const held = tokenizers.find(({ name }) => name === (filesOf ?? stored.name))!;
  const files: Readonly<Record<string, string>> = {
    ...held.texts,
    ...(config !== undefined && { "tokenizer_config.json": config }),
  };
  const tokenizer = await openTokenizer(tower, (name) => Promise.resolve(files[name]), {
    readBytes: (name) => {
      const model = held.models?.[name];
      return Promise.resolve(model === undefined ? undefined : decodeBase64(model, name));
    },
    ...(openClip !== undefined && { openClip }),
    ...(language !== undefined && { language }),
  });
  return tokenizer!;
}

const named = (name: string): Stored => tokenizers.find((stored) => stored.name === name)!;

test.each(tokenizers)("$name gives the ids of the original", async (stored) => {
  const tokenizer = await open(stored);
  for (const [index, ids] of stored.ids.entries()) {
    if (ids === null) continue;
    const text = texts[index]!;
    const got = stored.rows === true ? [...tokenizer.encodeBatch([text]).inputIds] : tokenizer.encode(text);
    expect({ text, ids: got }).toEqual({ text, ids });
  }
});

test.each(tokenizers)("$name can be written as tokenizer.json and read again", async (stored) => {
  const tokenizer = await open(stored);
  const written = Object.entries(tokenizer.files()).map(([name, content]) => [name, JSON.stringify(content)]);
  const files = Object.fromEntries(written) as Record<string, string>;
  const { language } = stored;
  const again = await openTokenizer(stored.tower, (name) => Promise.resolve(files[name]), {
    ...(language !== undefined && { language }),
  });
  for (const text of texts) expect(again!.encode(text)).toEqual(tokenizer.encode(text));
  expect(again).toMatchObject({ endId: tokenizer.endId, padId: tokenizer.padId, vocabSize: tokenizer.vocabSize });
});

test.each(tokenizers)("$name takes special tokens in captions as plain text", async (stored) => {
  const tokenizer = await open(stored);
  const ends = tokenizer.encode("a");
  for (const word of ["</s>", "<s>", "[SEP]", "eng_Latn", "<eos>"]) {
    const inner = tokenizer.encode(`a ${word} b`);
    const count = inner.filter((id) => id === tokenizer.endId).length;
    expect(count).toBe(ends.filter((id) => id === tokenizer.endId).length);
  }
});

test("text comes back from ids", async () => {
  expect((await open(named("xlm-roberta"))).decode([0, ...(await open(named("xlm-roberta"))).encode("a photo")])).toBe(
    "a photo",
  );
  for (const name of ["mt5", "nllb", "siglip", "bert", "gemma in open_clip"]) {
    const tokenizer = await open(named(name));
    expect(tokenizer.decode(tokenizer.encode("a photo"))).toMatch(/^(?:eng_Latn)?\s*a ?p ?h ?o ?t ?o$/u);
  }
});

test("the language of a caption is the first token, and only NLLB has one", async () => {
  const nllb = named("nllb");
  const [english, french] = [await open(nllb), await open(nllb, { language: "fra_Latn" })];
  expect(french.encode("a")[0]).toBe(english.encode("a")[0]! + 1);
  expect(french.encode("a").slice(1)).toEqual(english.encode("a").slice(1));
  for (const language of ["tlh_Latn", "french", "</s>", "a"]) {
    await expect(open(nllb, { language })).rejects.toThrow(
      /^The tokenizer has no language ".*": give one of its \d+, (?:\w{3}_\w{4}, )*eng_Latn, fra_Latn(?:, \w{3}_\w{4})*\.$/u,
    );
  }
  for (const name of ["mt5", "bert", "siglip"]) {
    await expect(open(named(name), { language: "deu_Latn" })).rejects.toMatchObject({
      code: "bad-argument",
      message: expect.stringMatching(/^The language "deu_Latn" is for NLLB's tokenizer, and this model's is \w+: /u),
    });
  }
  const clips = openTokenizer({ vocabSize: 49408, contextLength: 77, padTokenId: 0 }, async () => undefined, {
    language: "deu_Latn",
  });
  await expect(clips).rejects.toThrow("this model's is CLIP's: leave it out.");
});

test("NLLB's languages are not guessed", async () => {
  const config = JSON.stringify({ tokenizer_class: "NllbTokenizer" });
  await expect(open(named("nllb"), { config })).rejects.toThrow(/should list them as additional_special_tokens/u);
});

test.each([
  ["mt5", "GemmaTokenizer", /type is "unigram for GemmaTokenizer"/u],
  ["nllb", "XLMRobertaTokenizer", /type is "bpe for XLMRobertaTokenizer"/u],
  ["mt5", "M2M100Tokenizer", /tokenizer_class, with spiece\.model alone, is "M2M100Tokenizer"/u],
])("the model of %s is refused for %s", async (name, tokenizer_class, message) => {
  await expect(open(named(name), { config: JSON.stringify({ tokenizer_class }) })).rejects.toThrow(message);
});

test("a class that no file names is the usual one of the model's name", async () => {
  for (const name of ["xlm-roberta", "mt5", "siglip"]) {
    const stored = named(name);
    const config = name === "mt5" ? JSON.stringify({ extra_ids: 0 }) : "{}";
    const tokenizer = await open(stored, { config });
    expect(tokenizer.encode("a photo of a cat")).toEqual((await open(stored)).encode("a photo of a cat"));
  }
});

test.each([
  ["nothing", new Uint8Array()],
  ["a web page", new TextEncoder().encode("<!doctype html>")],
  ["a file that ends early", decodeBase64(named("mt5").models!["spiece.model"]!, "").subarray(0, 999)],
])("%s is refused as a SentencePiece model", (_name, bytes) => {
  let caught: unknown;
  try {
    createFileTokenizer({ "spiece.model": bytes });
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error(`expected a ClipError, got ${String(caught)}`);
  expect(caught.code).toBe("bad-data");
  expect(caught.message).toContain("spiece.model should be a SentencePiece model");
});

test("a model of words or characters is refused by its type", () => {
  const piece = [0x0a, 0x03, 0x0a, 0x01, 0x61];
  const words = Uint8Array.from([...piece, 0x12, 0x02, 0x18, 0x03]);
  expect(() => readSentencePiece(words, "spiece.model")).toThrow(/model of type 3/u);
});

test("a piece that holds the byte between texts is kept", () => {
  const pieces = [0x0a, 0x05, 0x0a, 0x03, 0x61, 0x00, 0x62, 0x0a, 0x03, 0x0a, 0x01, 0x63, 0x12, 0x00];
  expect(readSentencePiece(Uint8Array.from(pieces), "x").pieces.map(([text]) => text)).toEqual(["a\0b", "c"]);
});
