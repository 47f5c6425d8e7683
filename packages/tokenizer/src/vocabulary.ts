import { unicodeSpaces } from "./clean-text.ts";
import { clipMerges } from "./clip-merges.ts";

/**
 * English contractions, runs of letters, single digits, runs of anything else but white space. What
 * OpenAI's ignore-case flag does is written out here: contractions in either case, the long s in `'s`;
 * U+0345, a mark that folds to a letter, is in no class and drops out.
 */
const word = String.raw`'[sSſtTmMdD]|'[rRvV][eE]|'[lL][lL]|\p{L}+|\p{N}|[^${unicodeSpaces}\u0345\p{L}\p{N}]+`;

/** Finds the words of a cleaned text. */
export const wordPattern: RegExp = new RegExp(word, "gu");

/** Finds the words of a cleaned text, the special tokens among them. */
export const wordOrSpecialPattern: RegExp = new RegExp(String.raw`<\|startoftext\|>|<\|endoftext\|>|${word}`, "gu");

/** The special tokens as OpenAI and Hugging Face spell them. */
export const startToken = "<|startoftext|>";
export const endToken = "<|endoftext|>";

/** Ids of a word's inner bytes are 0 … 255, of its last byte 256 … 511; merges follow. */
export const firstMergeId = 512;

/** Ids of the smallest vocabulary: bytes, bytes at a word's end, start and end. */
export const fewestIds: number = firstMergeId + 2;

/** Vocabulary size of the released CLIP models. */
export const clipVocabSize = 49_408;

/** The mark that closes a word's last token in the published vocabulary. */
const endOfWord = "</w>";

/**
 * The printable character that stands for each byte in the published vocabulary, indexed by byte.
 * Printable Latin-1 stands for itself, every other byte for the next code point from U+0100 on
 * (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2).
 */
export const byteCharacters: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  String.fromCodePoint(isPrintable(byte) ? byte : 0x100 + countUnprintable(byte)),
);

/** Bytes in id order: the printable ones first. */
export const bytesInIdOrder: readonly number[] = allBytes()
  .filter(isPrintable)
  .concat(allBytes().filter((byte) => !isPrintable(byte)));

let sharedTokens: readonly string[] | undefined;

/** Every token's text in id order, without the two special tokens; built on first use. */
export function allTokenTexts(): readonly string[] {
  sharedTokens ??= buildTokens();
  return sharedTokens;
}

/** The token texts that a vocabulary of `vocabSize` keeps, without the two special tokens. */
export function tokenTexts(vocabSize: number): readonly string[] {
  return allTokenTexts().slice(0, vocabSize - 2);
}

/** The merges that a vocabulary of `vocabSize` keeps, as "left right" texts in order of rank. */
export function mergeTexts(vocabSize: number): readonly string[] {
  return clipMerges.split("\n").slice(0, vocabSize - 2 - firstMergeId);
}

function buildTokens(): string[] {
  const inner = bytesInIdOrder.map((byte) => byteCharacters[byte]!);
  const last = inner.map((character) => character + endOfWord);
  return [...inner, ...last, ...clipMerges.split("\n").map((merge) => merge.replace(" ", ""))];
}

function allBytes(): number[] {
  return Array.from({ length: 256 }, (_, byte) => byte);
}

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
}

function countUnprintable(below: number): number {
  return allBytes().filter((byte) => byte < below && !isPrintable(byte)).length;
}
