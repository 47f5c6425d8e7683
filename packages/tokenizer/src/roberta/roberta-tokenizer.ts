import { ClipError } from "@clip-ts/base";
import { checkText } from "../check-text.ts";
import { encodeBatch } from "../encode-batch.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { checkInteger } from "../tokenizer-options.ts";
import { unicodeSpaces } from "../unicode-spaces.ts";
import { byteCharacters } from "../vocabulary.ts";
import { cacheWords } from "../word-cache.ts";
import { bytePairEncoder } from "./byte-pairs.ts";
import { parseRobertaVocabulary, type RobertaFiles } from "./roberta-vocabulary.ts";

/** How captions become ids. */
export interface RobertaTokenizerOptions {
  /** Most tokens of a caption, start and end included; at least 3. Default 512. */
  readonly contextLength?: number;
  /** Reads "<s>", "</s>" and the like inside a caption as special tokens. Default false. */
  readonly parseSpecialTokens?: boolean;
}

const specials = { start: "<s>", end: "</s>", pad: "<pad>" } as const;
const allSpecials = new Set(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]);

/**
 * GPT-2's words: English contractions, runs of letters, of digits or of anything else, each with the
 * blank before it; white space that no word takes along.
 */
const word = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^${unicodeSpaces}\p{L}\p{N}]+|[${unicodeSpaces}]+(?![^${unicodeSpaces}])|[${unicodeSpaces}]+`;
const wordPattern = new RegExp(word, "gu");

/** "<mask>" takes the white space before it along, as the published tokenizer does. */
const special = String.raw`[${unicodeSpaces}]*<mask>|<s>|<pad>|</s>|<unk>`;
const specialPattern = new RegExp(`(${special})`, "u");

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const byteOf = new Map(byteCharacters.map((character, byte) => [character, byte]));

function needSpecial(vocabulary: ReadonlyMap<string, number>, token: string): number {
  const id = vocabulary.get(token);
  if (id !== undefined) return id;
  throw new ClipError(
    "bad-data",
    `A RoBERTa vocabulary should hold "${token}"; this one does not.`,
  );
}

/** Splits a caption into words, the special tokens among them if they count. */
function wordsOf(text: string, parseSpecialTokens: boolean): string[] {
  if (!parseSpecialTokens) return text.match(wordPattern) ?? [];
  return text
    .split(specialPattern)
    .flatMap((part, index) => (index % 2 === 1 ? [part.trim()] : (part.match(wordPattern) ?? [])));
}

/** Text of the ids up to the first end token, special tokens left out. */
function decodeTokens(ids: readonly number[], texts: ReadonlyMap<number, string>, endId: number) {
  const first = ids.indexOf(endId);
  const tokens = (first === -1 ? ids : ids.slice(0, first)).map((id) => texts.get(id) ?? "");
  const written = tokens.filter((token) => !allSpecials.has(token)).join("");
  const bytes = Array.from(written, (character) => byteOf.get(character) ?? 0x3f);
  return utf8.decode(Uint8Array.from(bytes));
}

/**
 * RoBERTa's byte-level tokenizer (Liu et al. 2019, arXiv:1907.11692), equal to Hugging Face's id by id.
 * The vocabulary is too large to come along: give the texts of the tokenizer's files.
 * @throws ClipError "bad-data" if the files are not those of a RoBERTa tokenizer.
 */
export function createRobertaTokenizer(
  files: RobertaFiles,
  { contextLength = 512, parseSpecialTokens = false }: RobertaTokenizerOptions = {},
): Tokenizer {
  checkInteger("contextLength", contextLength, [3, Number.MAX_SAFE_INTEGER]);
  const { vocab, merges } = parseRobertaVocabulary(files);
  const vocabulary = new Map(Object.entries(vocab));
  const texts = new Map(Object.entries(vocab).map(([token, id]) => [id, token]));
  const [startId, endId] = [specials.start, specials.end].map((name) =>
    needSpecial(vocabulary, name),
  ) as [number, number];
  const padId = needSpecial(vocabulary, specials.pad);
  const encodeWord = bytePairEncoder(vocabulary, merges);
  const idsOf = cacheWords((found: string): readonly number[] =>
    parseSpecialTokens && allSpecials.has(found)
      ? [needSpecial(vocabulary, found)]
      : encodeWord(found),
  );

  const encode = (text: string): number[] => {
    const ids = [startId];
    for (const found of wordsOf(checkText(text), parseSpecialTokens)) {
      for (const id of idsOf(found)) ids.push(id);
      if (ids.length >= contextLength) break;
    }
    ids.length = Math.min(ids.length, contextLength - 1);
    ids.push(endId);
    return ids;
  };

  const row = { encode, contextLength, padId };
  return {
    vocabSize: Math.max(...texts.keys()) + 1,
    contextLength,
    endId,
    padId,
    encode,
    encodeBatch: (captions, options) => encodeBatch(row, captions, options),
    decode: (ids) => decodeTokens(Array.from(ids), texts, endId),
    files: () => robertaFiles({ vocab, merges, contextLength }),
  };
}

/** The files from which transformers and we read the tokenizer. */
function robertaFiles(tokenizer: {
  readonly vocab: object;
  readonly merges: readonly string[];
  readonly contextLength: number;
}): Readonly<Record<string, object | string>> {
  return {
    "vocab.json": tokenizer.vocab,
    "merges.txt": `#version: 0.2\n${tokenizer.merges.join("\n")}\n`,
    "tokenizer_config.json": {
      tokenizer_class: "RobertaTokenizer",
      model_max_length: tokenizer.contextLength,
      add_prefix_space: false,
      bos_token: specials.start,
      cls_token: specials.start,
      eos_token: specials.end,
      sep_token: specials.end,
      pad_token: specials.pad,
      unk_token: "<unk>",
      mask_token: "<mask>",
    },
  };
}
