import { ClipError } from "@clip-ts/base";
import { encodeBatch } from "./encode-batch.ts";
import { checked, readsPadding, type TowerVocabulary } from "./open-tokenizer.ts";
import { checkText, type Tokenizer } from "./tokenizer.ts";

/** What is used of a tokenizer of @huggingface/transformers (`AutoTokenizer.from_pretrained`). */
export interface TransformersTokenizer {
  (text: string, options: object): unknown;
  decode(ids: number[], options: object): string;
  get_vocab(): Map<string, number> | Readonly<Record<string, number>>;
  readonly model_max_length: number;
  readonly pad_token_id?: number | null | undefined;
  readonly eos_token_id?: number | null | undefined;
  readonly sep_token_id?: number | null | undefined;
}

/** What the library's tokenizer does not say. */
export interface TransformersTokenizerOptions {
  /** Most tokens of a caption, start and end included; what the tokenizer says by default. */
  readonly contextLength?: number;
}

function refuse(message: string, data: Readonly<Record<string, unknown>> = {}): never {
  throw new ClipError("bad-argument", message, { data });
}

/** The files that the library read, where it kept them. */
function filesOf(theirs: TransformersTokenizer): Readonly<Record<string, object>> {
  const { _tokenizerJSON: json, _tokenizerConfig: config } = theirs as {
    _tokenizerJSON?: object;
    _tokenizerConfig?: object;
  };
  if (json !== undefined && config !== undefined) return { "tokenizer.json": json, "tokenizer_config.json": config };
  return refuse("This tokenizer of @huggingface/transformers does not keep its files: copy tokenizer.json by hand.");
}

/** The ids of one caption, as the library makes them, whatever its length. */
function idsOf(theirs: TransformersTokenizer, text: string): number[] {
  const { input_ids: ids } = theirs(checkText(text), { return_tensor: false, padding: false, truncation: false }) as {
    readonly input_ids?: unknown;
  };
  if (Array.isArray(ids) && ids.every(Number.isInteger)) return ids as number[];
  return refuse("The tokenizer gave no list of ids: expected one of @huggingface/transformers' (AutoTokenizer).");
}

function contextOf(theirs: TransformersTokenizer, { contextLength }: TransformersTokenizerOptions): number {
  const length = contextLength ?? theirs.model_max_length;
  if (Number.isSafeInteger(length) && length >= 3 && length < 2 ** 20) return length;
  return refuse(
    `The tokenizer says ${length} for the length of a caption (model_max_length): give contextLength, such as 77.`,
    { length },
  );
}

/**
 * A tokenizer of @huggingface/transformers in the place of ours: ids are as the library makes them. Captions that are too
 * long lose their last words, not the end token, which the library's own truncation cuts off.
 * @throws ClipError "bad-argument" for what is no such tokenizer, or says no length.
 */
export function fromTransformersTokenizer(
  theirs: TransformersTokenizer,
  options: TransformersTokenizerOptions = {},
): Tokenizer {
  if (typeof theirs !== "function" || typeof theirs.get_vocab !== "function") {
    refuse("Expected a tokenizer of @huggingface/transformers: await AutoTokenizer.from_pretrained(...).");
  }
  const contextLength = contextOf(theirs, options);
  const vocabulary = theirs.get_vocab();
  const ids = vocabulary instanceof Map ? [...vocabulary.values()] : Object.values(vocabulary);
  const endId = idsOf(theirs, "").at(-1) ?? theirs.eos_token_id ?? theirs.sep_token_id ?? undefined;
  if (endId === undefined) refuse("The tokenizer has no end token.");
  const padId = theirs.pad_token_id ?? endId;
  const encode = (text: string): number[] => {
    const row = idsOf(theirs, text);
    return row.length <= contextLength ? row : [...row.slice(0, contextLength - 1), row.at(-1) as number];
  };
  return {
    source: "files",
    cleaning: "none",
    stripsSeparator: false,
    vocabSize: ids.reduce((largest, id) => Math.max(largest, id), -1) + 1,
    contextLength,
    endId,
    padId,
    encode,
    encodeBatch: (texts, batch) => encodeBatch({ encode, contextLength, padId }, texts, batch),
    decode: (row) => theirs.decode(Array.from(row), { skip_special_tokens: true }).trim(),
    files: () => filesOf(theirs),
  };
}

/**
 * Somebody else's tokenizer for a text tower, held against what the tower reads.
 * @throws ClipError "unsupported" for rows that are too long, another end token, or ids that the tower has not.
 */
export function tokenizerForTower(tokenizer: Tokenizer, tower: TowerVocabulary): Tokenizer {
  const { contextLength, vocabSize } = tower;
  const unfit = (what: string, its: number, towers: number, remedy: string): never => {
    const message = `The tokenizer's ${what} is ${its}, the text tower's ${towers}: ${remedy}`;
    throw new ClipError("unsupported", message, { data: { tokenizer: its, tower: towers } });
  };
  const { vocabSize: ids, contextLength: longest } = tokenizer;
  if (ids > vocabSize) unfit("vocabulary", ids, vocabSize, "bring the tokenizer that the tower was trained with.");
  const fills = readsPadding(tower);
  if (longest > contextLength || (fills && longest < contextLength)) {
    unfit("context", longest, contextLength, `give fromTransformersTokenizer { contextLength: ${contextLength} }.`);
  }
  const fitting = checked(tokenizer, tower);
  return fills ? { ...fitting, encodeBatch: (texts) => fitting.encodeBatch(texts) } : fitting;
}
