import { unicodeSpaces } from "../clean-text.ts";
import { asObject, asText, refuseFile, refuseStep } from "./json.ts";

/** What `\w` is to the regular expressions of Hugging Face's library. */
export const wordCharacters: string = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d`;

/** Escapes that stand for a class, by the letter after the backslash; the part inside the brackets. */
const classes: Readonly<Record<string, string>> = {
  s: unicodeSpaces,
  d: String.raw`\p{Nd}`,
  w: wordCharacters,
};

/** Escapes that mean the same in JavaScript. */
const sameEscapes = "nrtfv0^$\\.*+?()[]{}|/";

/** Steps of patterns that JavaScript has no word for. */
const missing = /\(\?(?![:=!]|<[=!])|[*+?}]\+|&&|\[\[:|\[:|\\[bBAzZGhHRXkK1-9]/u;

/** `\p{Han}` is a script in one dialect and must be called one in the other. */
function propertyOf(text: string): string {
  try {
    return new RegExp(text, "u").source;
  } catch {
    return text.replace("{", "{Script=");
  }
}

function escapeOf(letter: string, isInClass: boolean): string | undefined {
  const positive = classes[letter];
  if (positive !== undefined) return isInClass ? positive : `[${positive}]`;
  const negative = classes[letter.toLowerCase()];
  if (negative !== undefined) return isInClass ? undefined : `[^${negative}]`;
  if (sameEscapes.includes(letter)) return `\\${letter}`;
  if (letter === "-") return isInClass ? String.raw`\-` : "-";
  return /[a-z0-9]/iu.test(letter) ? undefined : letter;
}

const pieces =
  /\\[pP]\{\^?[\w=]+\}|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\x\{[0-9a-f]+\}|\\.|\[\^?\]?|[\].^$}{]|[^\\[\].^$}{]+/giu;

/** What stands for itself in one dialect only. */
const outside: Readonly<Record<string, string>> = {
  ".": "[^\\n]",
  "^": "(?<![^\\n])",
  $: "(?![^\\n])",
  "]": String.raw`\]`,
};

function translatePiece(piece: string, isInClass: boolean): string | undefined {
  if (/^\\[pP]\{/u.test(piece)) return propertyOf(piece);
  if (/^\\x\{/iu.test(piece)) return piece.replace(/^\\x/iu, String.raw`\u`);
  if (piece.length > 2 && piece.startsWith("\\")) return piece;
  if (piece.startsWith("\\")) return escapeOf(piece.slice(1), isInClass);
  if (isInClass) return /[.$^{}]/u.test(piece) ? `\\${piece}` : piece;
  return outside[piece] ?? piece;
}

/** Nested brackets are a union in one dialect, a literal in the other. */
function translate(source: string): string | undefined {
  let [text, isInClass] = ["", false];
  for (const [piece] of source.matchAll(pieces)) {
    if (piece.startsWith("[")) {
      if (isInClass) return undefined;
      isInClass = true;
      text += piece.endsWith("]") ? `${piece.slice(0, -1)}\\]` : piece;
      continue;
    }
    const isClosing = isInClass && piece === "]";
    const part = isClosing ? "]" : translatePiece(piece, isInClass);
    if (part === undefined) return undefined;
    if (isClosing) isInClass = false;
    text += part;
  }
  return isInClass ? undefined : text;
}

/**
 * A regular expression of Hugging Face's library (Oniguruma's dialect) in JavaScript's.
 * @throws ClipError "unsupported" where JavaScript cannot say the same.
 */
function regexOf(source: string, where: string): RegExp {
  const text = missing.test(source) ? undefined : translate(source);
  if (text === undefined) return refuseStep(where, source);
  try {
    return new RegExp(text, "gu");
  } catch {
    return refuseStep(where, source);
  }
}

/** Reads `{ "Regex": … }` or `{ "String": … }`. */
export function patternOf(value: unknown, where: string): RegExp {
  const pattern = asObject(value, where);
  if ("Regex" in pattern) return regexOf(asText(pattern["Regex"], `${where}.Regex`), where);
  if (!("String" in pattern)) return refuseFile(where, "a Regex or a String", value);
  const text = asText(pattern["String"], `${where}.String`);
  if (text === "") return refuseFile(where, "a text that is not empty", text);
  return new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\/]/gu, String.raw`\$&`), "gu");
}
