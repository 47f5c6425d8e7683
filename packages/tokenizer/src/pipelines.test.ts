import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openTokenizer, type TowerVocabulary } from "./open-tokenizer.ts";

interface Stored {
  readonly name: string;
  readonly tower: TowerVocabulary;
  readonly openClip?: object;
  readonly files?: Readonly<Record<string, unknown>>;
  /** The case that has the same files. */
  readonly filesOf?: string;
  /** Ids that transformers or open_clip gives; null where the original and its own file differ. */
  readonly ids: readonly (readonly number[] | null)[];
}

/** Written by tools/peers/check_tokenizers.py: small tokenizers of every kind, as their libraries save them. */
const { texts, tokenizers } = JSON.parse(readFileSync(new URL("fixtures/pipelines.json", import.meta.url), "utf8")) as {
  readonly texts: readonly string[];
  readonly tokenizers: readonly Stored[];
};

const filesOf = ({ files, filesOf: same }: Stored): Readonly<Record<string, unknown>> =>
  files ?? tokenizers.find(({ name }) => name === same)?.files ?? {};

const reader =
  (files: Readonly<Record<string, unknown>>) =>
  (name: string): Promise<string | undefined> => {
    const content = files[name];
    const isText = typeof content === "string" || content === undefined;
    return Promise.resolve(isText ? content : JSON.stringify(content));
  };

const open = (stored: Stored): ReturnType<typeof openTokenizer> => {
  const { tower, openClip } = stored;
  return openTokenizer(tower, reader(filesOf(stored)), openClip === undefined ? {} : { openClip });
};

test.each(tokenizers)("$name gives the ids of the original", async (stored) => {
  const tokenizer = await open(stored);
  for (const [index, ids] of stored.ids.entries()) {
    if (ids === null) continue;
    const text = texts[index]!;
    expect({ text, ids: tokenizer!.encode(text) }).toEqual({ text, ids });
  }
});

test.each(tokenizers.filter(({ name }) => !name.startsWith("simple-")))(
  "$name can be written and read again",
  async (stored) => {
    const tokenizer = await open(stored);
    const again = await openTokenizer(stored.tower, reader(tokenizer!.files()));
    for (const text of texts) expect(again!.encode(text)).toEqual(tokenizer!.encode(text));
    expect(again).toMatchObject({ endId: tokenizer!.endId, padId: tokenizer!.padId });
  },
);

test.each(tokenizers)("$name takes special tokens in captions as plain text", async (stored) => {
  const tokenizer = await open(stored);
  const { endId } = tokenizer!;
  for (const word of ["<|endoftext|>", "</s>", "<eos>", "[SEP]", "<end>"]) {
    const ids = tokenizer!.encode(`a ${word} b`);
    const inner = tokenizer!.stripsSeparator ? ids.slice(0, -1) : ids.slice(1, -1);
    expect(inner).not.toContain(endId);
  }
});
