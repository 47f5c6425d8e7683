import { fix_text as fixText } from "ftfy-js";
import { unescapeHtml } from "./unescape-html.ts";
import { unicodeSpaces } from "./unicode-spaces.ts";

/** Text that ftfy and HTML unescaping leave as it is: printable ASCII and blanks, no "&". */
const plainAscii = /^[\t\n\r\x20-\x25\x27-\x7e]*$/;

const spaceRuns = new RegExp(`[${unicodeSpaces}]+`, "g");

/** Python's `str.strip` also takes the information separators U+001C … U+001F. */
const outerSpaces = new RegExp(
  String.raw`^[${unicodeSpaces}\x1c-\x1f]+|[${unicodeSpaces}\x1c-\x1f]+$`,
  "g",
);

/**
 * Text as CLIP's tokenizer sees it: broken encodings repaired (ftfy), HTML character references
 * decoded twice, runs of white space made one blank, ends trimmed, lower case. Equal to OpenAI's
 * cleaning, code point by code point.
 */
export function cleanText(text: string): string {
  return normalizeText(plainAscii.test(text) ? text : repairText(text));
}

/** The first half of cleaning: undoes mojibake, width forms, curly quotes and HTML references. */
export function repairText(text: string): string {
  return unescapeHtml(unescapeHtml(fixText(text)));
}

/** The second half of cleaning: one blank between words, none at the ends, lower case. */
export function normalizeText(text: string): string {
  return strip(strip(text).replace(spaceRuns, " ")).toLowerCase();
}

function strip(text: string): string {
  return text.replace(outerSpaces, "");
}
