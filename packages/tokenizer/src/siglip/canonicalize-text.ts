import { unicodeSpaces } from "../unicode-spaces.ts";

/** The marks of ASCII, Python's `string.punctuation`. */
const punctuation = /[!-/:-@[-`{-~]/gu;

const spaceRuns = new RegExp(String.raw`[${unicodeSpaces}\x1c-\x1f]+`, "gu");

/**
 * Text as SigLIP was trained on it: lower case, without ASCII's punctuation, white space made single
 * blanks (big_vision `canonicalize_text`; Hugging Face `SiglipTokenizer.canonicalize_text`).
 */
export function canonicalizeText(text: string): string {
  const bare = text.toLowerCase().replace(punctuation, "");
  return bare.replace(spaceRuns, " ").replace(/^ | $/gu, "");
}
