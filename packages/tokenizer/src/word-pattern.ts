import { unicodeSpaces } from "./unicode-spaces.ts";

/**
 * English contractions, runs of letters, single digits, runs of anything else but white space. What
 * OpenAI's ignore-case flag does is written out here: contractions in either case, the long s in `'s`;
 * U+0345, a mark that folds to a letter, is in no class and drops out.
 */
const word = String.raw`'[sSſtTmMdD]|'[rRvV][eE]|'[lL][lL]|\p{L}+|\p{N}|[^${unicodeSpaces}\u0345\p{L}\p{N}]+`;

/** Finds the words of a cleaned text. */
export const wordPattern: RegExp = new RegExp(word, "gu");

/** Finds the words of a cleaned text, the special tokens among them. */
export const wordOrSpecialPattern: RegExp = new RegExp(
  String.raw`<\|startoftext\|>|<\|endoftext\|>|${word}`,
  "gu",
);

/** The special tokens as OpenAI and Hugging Face spell them. */
export const startToken = "<|startoftext|>";
export const endToken = "<|endoftext|>";
