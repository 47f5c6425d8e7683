import { decodeHTML } from "entities/decode";
import { fix_text as fixWithFtfy, is_bad as isBad } from "ftfy-js";

/**
 * Unicode's White_Space property as the inside of a regular expression's class. JavaScript's `\s`
 * differs from it: it lacks U+0085 and has U+FEFF.
 */
export const unicodeSpaces: string = String.raw`\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;

/** A character reference as Python's html.unescape finds it: the semicolon may be missing. */
const htmlReference = /&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/g;

/**
 * Decodes HTML character references as Python's `html.unescape` does: the HTML5 table, and
 * references to control characters and noncharacters vanish.
 */
function unescapeHtml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(htmlReference, (found) =>
    found.startsWith("&#") && isInvalid(codePointOf(found)) ? "" : decodeHTML(found),
  );
}

function codePointOf(found: string): number {
  const isHex = found[2] === "x" || found[2] === "X";
  return isHex ? Number.parseInt(found.slice(3), 16) : Number.parseInt(found.slice(2), 10);
}

/** True for the code points that Python drops. Those of C1 stand for Windows-1252 and stay. */
function isInvalid(codePoint: number): boolean {
  const isControl =
    (codePoint >= 0x01 && codePoint <= 0x08) ||
    codePoint === 0x0b ||
    (codePoint >= 0x0e && codePoint <= 0x1f) ||
    codePoint === 0x7f;
  return isControl || isNoncharacter(codePoint);
}

function isNoncharacter(codePoint: number): boolean {
  if (codePoint > 0x10ffff) return false;
  return (codePoint >= 0xfdd0 && codePoint <= 0xfdef) || (codePoint & 0xfffe) === 0xfffe;
}

/** What HTML unescaping in ftfy looks for. */
const completeReference = /&#?[0-9A-Za-z]{1,24};/u;

/** ASCII of which ftfy only changes the line ends, apart from references. */
const asciiLine = /^[\t\n\r\x20-\x7e]*$/u;

/** ASCII that ftfy leaves as it is, apart from references. */
const plainAscii = /^[\t\n\x20-\x7e]*$/u;

/**
 * Characters that one of ftfy's steps changes: controls, line ends, ligatures, width forms, curly quotes,
 * lone surrogates. A character too many here costs time, one too few a difference.
 */
const changed =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\u02bc\u2018-\u201f\u2028\u2029\u206a-\u206f\u3000\ufb00-\ufb06\ufeff\uff00-\ufffc\p{Cs}]/u;

/** ftfy cuts longer lines apart, and so changes what stands at the cut. */
const longestLine = 1_000_000;

/** Whether no step of ftfy but the last, which composes accents, would change a line. */
function isUntouched(line: string, unescapes: boolean): boolean {
  if (line.length >= longestLine || (unescapes && completeReference.test(line))) return false;
  return plainAscii.test(line) || !(changed.test(line) || isBad(line));
}

function fixLine(line: string, unescapes: boolean): string {
  const isAscii = asciiLine.test(line) && line.length < longestLine;
  let text = isAscii ? line.replaceAll("\r\n", "\n").replaceAll("\r", "\n") : line;
  while (isUntouched(text, unescapes)) {
    const composed = text.normalize("NFC");
    if (composed === text) return text;
    text = composed;
  }
  return fixWithFtfy(text, { unescape_html: unescapes });
}

/**
 * ftfy's `fix_text`: undoes mojibake, width forms, curly quotes and the like, line by line, and HTML
 * references up to the first line with a "<". Lines that need nothing are told at once, so that plain
 * text costs no more than a look at each character.
 */
function fixText(text: string): string {
  if (plainAscii.test(text) && !text.includes("&")) return text;
  let unescapes = true;
  let fixed = "";
  for (let start = 0; start < text.length;) {
    const lineEnd = text.indexOf("\n", start);
    const end = lineEnd < 0 ? text.length : lineEnd + 1;
    const line = text.slice(start, end);
    unescapes &&= !line.includes("<");
    fixed += fixLine(line, unescapes);
    start = end;
  }
  return fixed;
}

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
  canonicalize: (text) => singleSpaces(repairText(text).replaceAll("_", " ").replace(punctuation, "").toLowerCase()),
  siglip: canonicalizeText,
};

/**
 * Text as CLIP's tokenizer sees it: broken encodings repaired (ftfy), HTML character references
 * decoded twice, runs of white space made one blank, ends trimmed, lower case. Equal to OpenAI's
 * cleaning, code point by code point.
 */
export const cleanText: (text: string) => string = cleaners.lower;
