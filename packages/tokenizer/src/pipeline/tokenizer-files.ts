import { ClipError } from "@clip-ts/base";
import { asId, asList, asObject, asText, parseJsonFile, refuseFile, refuseStep, type Json } from "./json.ts";

/**
 * The texts of a tokenizer folder's files. `tokenizer.json` alone suffices, or `vocab.json` and
 * `merges.txt`, or BERT's `vocab.txt`; the others name the special tokens.
 */
export interface TokenizerFiles {
  readonly "tokenizer.json"?: string | undefined;
  readonly "vocab.json"?: string | undefined;
  readonly "merges.txt"?: string | undefined;
  readonly "vocab.txt"?: string | undefined;
  readonly "tokenizer_config.json"?: string | undefined;
  readonly "special_tokens_map.json"?: string | undefined;
}

/** The names of all files that are read, and nothing else. */
export const tokenizerFileNames: readonly (keyof TokenizerFiles)[] = [
  "tokenizer.json",
  "vocab.json",
  "merges.txt",
  "vocab.txt",
  "tokenizer_config.json",
  "special_tokens_map.json",
];

/** Whether the files are enough for a tokenizer. */
export function hasTokenizer(files: TokenizerFiles): boolean {
  const hasMerges = files["vocab.json"] !== undefined && files["merges.txt"] !== undefined;
  return files["tokenizer.json"] !== undefined || hasMerges || files["vocab.txt"] !== undefined;
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
  const token = config[key];
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

/** A model of words: from one word to its ids. Not one of `hidden`'s ids comes out of plain text. */
export type WordModel = (word: string) => readonly number[];

/** Id of every token's text. */
export type Vocabulary = ReadonlyMap<string, number>;

/** Reads a table of token texts and ids. */
export function vocabularyOf(value: unknown, where: string): Vocabulary {
  const table = asObject(value, where);
  const entries = Object.entries(table);
  if (entries.length === 0) return refuseFile(where, "a table of tokens", value);
  return new Map(entries.map(([token, id]) => [token, asId(id, `${where}["${token}"]`)]));
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
