import { asList, parseJsonFile, type Json } from "./pipeline/json.ts";
import { parseMerges } from "./pipeline/slow-files.ts";
import { className, configOf, type TokenizerFiles } from "./pipeline/tokenizer-files.ts";
import { clipVocabSize, endToken, fewestIds, mergeTexts, startToken, tokenTexts } from "./vocabulary.ts";

interface Lists {
  readonly vocab: unknown;
  readonly merges: unknown;
  readonly whole?: Json;
}

function listsOf(files: TokenizerFiles): Lists {
  const whole = files["tokenizer.json"];
  if (whole === undefined) {
    const { "vocab.json": vocab = "{}", "merges.txt": merges = "" } = files;
    return { vocab: parseJsonFile(vocab, "vocab.json"), merges: parseMerges(merges) };
  }
  const json = parseJsonFile(whole, "tokenizer.json");
  const { vocab, merges } = (json["model"] ?? {}) as Json;
  return { vocab, merges, whole: json };
}

/** Whether a file has no tokens beside the vocabulary's. */
function addsNothing({ added_tokens: added }: Json, size: number): boolean {
  if (added === undefined || added === null) return true;
  return asList(added, "tokenizer.json: added_tokens").every((token) => {
    const { id, content } = (token ?? {}) as Json;
    return content === (id === size - 2 ? startToken : id === size - 1 ? endToken : "");
  });
}

/** Whether CLIP's class reads the file, or its own steps lower case as that does. */
function readsAsClip(files: TokenizerFiles, whole: Json | undefined): boolean {
  if (className(configOf(files)) === "CLIPTokenizer") return true;
  return whole === undefined || JSON.stringify(whole["normalizer"] ?? null).includes('"Lowercase"');
}

/** Whether the merges are CLIP's first ones, as texts or as pairs. */
function areMerges(merges: readonly unknown[], size: number): boolean {
  const wanted = mergeTexts(size);
  const textOf = (merge: unknown): unknown => (Array.isArray(merge) ? merge.join(" ") : merge);
  return merges.length === wanted.length && wanted.every((merge, rank) => textOf(merges[rank]) === merge);
}

/**
 * The size of CLIP's vocabulary in a folder's files, all of it or its first merges; undefined if the
 * vocabulary is another, or is read otherwise.
 */
export function clipVocabularyIn(files: TokenizerFiles): number | undefined {
  const { vocab, merges, whole } = listsOf(files);
  if (!Array.isArray(merges)) return undefined;
  const table = new Map<string, unknown>(Object.entries(vocab ?? {}));
  const { size } = table;
  const isSize = size >= fewestIds && size <= clipVocabSize;
  if (!isSize || !areMerges(merges, size) || !readsAsClip(files, whole)) return undefined;
  if (whole !== undefined && !addsNothing(whole, size)) return undefined;
  const texts = [...tokenTexts(size), startToken, endToken];
  return texts.every((text, id) => table.get(text) === id) ? size : undefined;
}
