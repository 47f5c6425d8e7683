import { ClipError } from "@clip-ts/base";
import { asId, asList, asObject, asText, refuseFile, refuseStep, type Json } from "./json.ts";

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
  if (value === undefined || value === null || value === false || value === 0 || value === "")
    return;
  refuseStep(`${where}.${key}`, value);
}
