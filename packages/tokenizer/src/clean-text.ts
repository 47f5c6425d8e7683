import { unescapeHtml } from "./unescape-html.ts";
import { fixText } from "./fix-text.ts";
import { unicodeSpaces } from "./unicode-spaces.ts";

/** What a model's text goes through before it is cut into tokens; its folder says which. */
export type Cleaning = "none" | "lower" | "whitespace" | "canonicalize" | "siglip";

/** Python's white space: also the information separators U+001C … U+001F. */
const spaceRuns = new RegExp(String.raw`[${unicodeSpaces}\x1c-\x1f]+`, "gu");

const spaces = new RegExp(String.raw`[${unicodeSpaces}\x1c-\x1f]`, "u");

/** The marks of ASCII, Python's `string.punctuation`. */
const punctuation = /[!-/:-@[-`{-~]/gu;

/** Python's `str.strip`, in one pass from either end. */
function strip(text: string): string {
  let [first, last] = [0, text.length];
  while (last > first && spaces.test(text[last - 1]!)) last--;
  while (first < last && spaces.test(text[first]!)) first++;
  return text.slice(first, last);
}

/** Undoes mojibake, width forms, curly quotes (ftfy) and HTML references, twice. */
export function repairText(text: string): string {
  return unescapeHtml(unescapeHtml(fixText(text)));
}

/** One blank between words, none at the ends. */
const singleSpaces = (text: string): string => strip(text.replace(spaceRuns, " "));

/** One blank between words, none at the ends, lower case: the half of cleaning that needs no repair. */
export function normalizeText(text: string): string {
  return singleSpaces(text).toLowerCase();
}

/**
 * SigLIP's cleaning: lower case, no marks of ASCII, single blanks (big_vision `canonicalize_text`;
 * Hugging Face `SiglipTokenizer.canonicalize_text`).
 */
export function canonicalizeText(text: string): string {
  return singleSpaces(text.toLowerCase().replace(punctuation, ""));
}

/**
 * All cleanings there are. "lower", "whitespace" and "canonicalize" are open_clip's by its own names, the
 * first of them OpenAI's; "siglip" is that of Hugging Face's `SiglipTokenizer`, which repairs nothing.
 */
export const cleaners: Readonly<Record<Cleaning, (text: string) => string>> = {
  none: (text) => text,
  lower: (text) => normalizeText(repairText(text)),
  whitespace: (text) => singleSpaces(repairText(text)),
  canonicalize: (text) =>
    singleSpaces(repairText(text).replaceAll("_", " ").replace(punctuation, "").toLowerCase()),
  siglip: canonicalizeText,
};

/**
 * Text as CLIP's tokenizer sees it: broken encodings repaired (ftfy), HTML character references
 * decoded twice, runs of white space made one blank, ends trimmed, lower case. Equal to OpenAI's
 * cleaning, code point by code point.
 */
export const cleanText: (text: string) => string = cleaners.lower;
