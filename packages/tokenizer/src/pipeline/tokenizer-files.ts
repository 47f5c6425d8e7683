import { ClipError } from "@clip-ts/base";
import { asId, asList, asObject, asText, parseJsonFile, refuseFile, refuseStep, type Json } from "./json.ts";

/** Names of SentencePiece models, which are bytes. */
export const sentencePieceNames = ["sentencepiece.bpe.model", "spiece.model", "tokenizer.model"] as const;

/** A SentencePiece model's name. */
export type SentencePieceName = (typeof sentencePieceNames)[number];

/**
 * A tokenizer folder's files: texts, and bytes of SentencePiece models. `tokenizer.json` alone suffices, or
 * `vocab.json` and `merges.txt`, or BERT's `vocab.txt`, or a SentencePiece model; the others name the special
 * tokens.
 */
export interface TokenizerFiles extends Readonly<Partial<Record<SentencePieceName, Uint8Array | undefined>>> {
  readonly "tokenizer.json"?: string | undefined;
  readonly "vocab.json"?: string | undefined;
  readonly "merges.txt"?: string | undefined;
  readonly "vocab.txt"?: string | undefined;
  readonly "tokenizer_config.json"?: string | undefined;
  readonly "special_tokens_map.json"?: string | undefined;
}

/** The names of all texts that are read, and nothing else. */
export const tokenizerFileNames: readonly Exclude<keyof TokenizerFiles, SentencePieceName>[] = [
  "tokenizer.json",
  "vocab.json",
  "merges.txt",
  "vocab.txt",
  "tokenizer_config.json",
  "special_tokens_map.json",
];

/** Whether the texts are enough for a tokenizer. */
function hasTexts(files: TokenizerFiles): boolean {
  const hasMerges = files["vocab.json"] !== undefined && files["merges.txt"] !== undefined;
  return files["tokenizer.json"] !== undefined || hasMerges || files["vocab.txt"] !== undefined;
}

/** The SentencePiece model among the files, where no texts say the same. */
export function sentencePieceIn(
  files: TokenizerFiles,
): { readonly file: SentencePieceName; readonly bytes: Uint8Array } | undefined {
  if (hasTexts(files)) return undefined;
  for (const file of sentencePieceNames) {
    const bytes = files[file];
    if (bytes !== undefined) return { file, bytes };
  }
  return undefined;
}

/** Whether the files are enough for a tokenizer. */
export function hasTokenizer(files: TokenizerFiles): boolean {
  return hasTexts(files) || sentencePieceIn(files) !== undefined;
}

/** `tokenizer_config.json`, with what only `special_tokens_map.json` says. */
export function configOf(files: TokenizerFiles): Json {
  const [map, config] = (["special_tokens_map.json", "tokenizer_config.json"] as const).map((name) =>
    parseJsonFile(files[name] ?? "{}", name),
  );
  const merged = { ...map, ...config };
  for (const key of Object.keys(merged)) if (specialKey.test(key)) tokenText(merged, key);
  return merged;
}

/** Keys that name a special token. */
const specialKey = /^(?:bos|eos|unk|pad|cls|sep|mask)_token$/u;

/** A special token is given by its text, or by an object that has it. */
export function tokenText(config: Json, key: string): string | undefined {
  return tokenTextOf(config[key], key);
}

/** The text of a token as `tokenizer_config.json` writes it; undefined where there is none. */
export function tokenTextOf(token: unknown, key: string): string | undefined {
  if (token === undefined || token === null) return undefined;
  if (typeof token === "string") return token;
  const { content } = asObject(token, `tokenizer_config.json: ${key}`);
  return typeof content === "string" ? content : refuseFile(`tokenizer_config.json: ${key}`, "a text", token);
}

/** What a class of Hugging Face's tokenizers is called, without its old ending. */
export function className(config: Json): string | undefined {
  const name = config["tokenizer_class"];
  if (name === undefined || name === null) return undefined;
  if (typeof name === "string") return name.replace(/Fast$/u, "");
  return refuseFile("tokenizer_config.json: tokenizer_class", "a text", name);
}

/** Texts of tokens and their ids, both ways. */
export interface Vocabulary {
  /** The id of a token's text. */
  readonly get: (text: string) => number | undefined;
  /** The text of an id. */
  readonly textOf: (id: number) => string | undefined;
  /** One more than the largest id. */
  readonly size: number;
}

/** A model of words. */
export interface TextModel {
  readonly ids: Vocabulary;
  /** From one word to its ids. */
  readonly encode: (word: string) => readonly number[];
  /** Whether it remembers words that it has seen; no if absent. */
  readonly remembers?: boolean;
}

/** A vocabulary over a table of ids. */
function vocabularyIn(table: ReadonlyMap<string, number>): Vocabulary {
  let texts: Map<number, string> | undefined;
  let size = 0;
  for (const id of table.values()) size = Math.max(size, id + 1);
  return {
    size,
    get: (text) => table.get(text),
    textOf(id) {
      texts ??= new Map(Array.from(table, ([text, of]) => [of, text]));
      return texts.get(id);
    },
  };
}

/** A vocabulary with a few more tokens. */
export function withTokens(vocabulary: Vocabulary, added: readonly { content: string; id: number }[]): Vocabulary {
  const own = vocabularyIn(new Map(added.map(({ content, id }) => [content, id])));
  return {
    size: Math.max(vocabulary.size, own.size),
    get: (text) => own.get(text) ?? vocabulary.get(text),
    textOf: (id) => own.textOf(id) ?? vocabulary.textOf(id),
  };
}

/** Reads a table of token texts and ids. */
export function vocabularyOf(value: unknown, where: string): Vocabulary {
  const table = asObject(value, where);
  const ids = new Map<string, number>();
  for (const token of Object.keys(table)) ids.set(token, asId(table[token], `${where}["${token}"]`));
  return ids.size === 0 ? refuseFile(where, "a table of tokens", value) : vocabularyIn(ids);
}

/** The id of a token that must be there. */
export function needId(vocabulary: Vocabulary, token: string): number {
  const id = vocabulary.get(token);
  if (id !== undefined) return id;
  throw new ClipError(
    "bad-data",
    `The vocabulary lacks the token "${token}", which its merges or special tokens need: take all ` +
      "files of one tokenizer.",
    { data: { token } },
  );
}

/** Published files write a merge as "left right" or, since 2024, as ["left", "right"]. */
export function mergesOf(value: unknown, where: string): (readonly [string, string])[] {
  return asList(value, where).map((merge, index) => {
    const parts = typeof merge === "string" ? merge.split(" ") : merge;
    const isPair = Array.isArray(parts) && parts.length === 2;
    if (!isPair) return refuseFile(`${where}[${index}]`, "a merge of two tokens", merge);
    const [left, right] = parts as unknown[];
    return [asText(left, `${where}[${index}]`), asText(right, `${where}[${index}]`)];
  });
}

/** Refuses a setting that is there and switched on. */
export function refuseSetting(model: Json, key: string, where: string): void {
  const value = model[key];
  if (value === undefined || value === null || value === false || value === 0 || value === "") return;
  refuseStep(`${where}.${key}`, value);
}
