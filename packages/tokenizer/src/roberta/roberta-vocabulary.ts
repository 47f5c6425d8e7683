import { ClipError } from "@clip-ts/base";

/** What a byte-level tokenizer is made of. */
export interface RobertaVocabulary {
  /** Id of every token's text. */
  readonly vocab: Readonly<Record<string, number>>;
  /** "left right" pairs in order of learning. */
  readonly merges: readonly string[];
}

/** The files of a tokenizer folder that matter, as texts; `tokenizer.json` alone suffices. */
export interface RobertaFiles {
  readonly "tokenizer.json"?: string | undefined;
  readonly "vocab.json"?: string | undefined;
  readonly "merges.txt"?: string | undefined;
}

function fail(message: string): never {
  throw new ClipError("bad-data", message);
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ClipError("bad-data", `${file} is no JSON: fetch the tokenizer's files again.`, {
      cause,
    });
  }
}

function checkVocab(vocab: unknown, file: string): Readonly<Record<string, number>> {
  const isTable = typeof vocab === "object" && vocab !== null;
  if (isTable && Object.values(vocab).every((id) => Number.isInteger(id) && id >= 0)) {
    return vocab as Record<string, number>;
  }
  return fail(`${file} should give every token a whole number from 0.`);
}

/** Published files write a merge as "left right" or, since 2024, as ["left", "right"]. */
function mergeText(merge: unknown): string {
  if (typeof merge === "string") return merge;
  if (Array.isArray(merge) && merge.length === 2) return merge.join(" ");
  return fail("tokenizer.json should hold merges of two tokens each.");
}

function fromTokenizerJson(text: string): RobertaVocabulary {
  const { model } = parseJson(text, "tokenizer.json") as {
    model?: { type?: unknown; vocab?: unknown; merges?: unknown };
  };
  if (model === undefined || (model.type ?? "BPE") !== "BPE" || !Array.isArray(model.merges)) {
    return fail("tokenizer.json should hold a byte-pair model with vocab and merges.");
  }
  return { vocab: checkVocab(model.vocab, "tokenizer.json"), merges: model.merges.map(mergeText) };
}

/** Lines of `merges.txt`; the first names its version. */
function parseMerges(text: string): string[] {
  return text.split(/\r?\n/u).filter((line) => line !== "" && !line.startsWith("#version"));
}

/**
 * Reads the files of a RoBERTa tokenizer: `vocab.json` and `merges.txt`, or else `tokenizer.json`.
 * @throws ClipError "bad-data" if they are not there or not what they should be.
 */
export function parseRobertaVocabulary(files: RobertaFiles): RobertaVocabulary {
  const { "vocab.json": vocab, "merges.txt": merges, "tokenizer.json": whole } = files;
  if (vocab !== undefined && merges !== undefined) {
    const table = checkVocab(parseJson(vocab, "vocab.json"), "vocab.json");
    return { vocab: table, merges: parseMerges(merges) };
  }
  if (whole !== undefined) return fromTokenizerJson(whole);
  return fail("A RoBERTa tokenizer needs vocab.json and merges.txt, or tokenizer.json.");
}
