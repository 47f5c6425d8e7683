import { createFileTokenizer } from "./file-tokenizer.ts";
import { originOf, type TokenizerDescription } from "./remembered.ts";
import { createClipTokenizer, type Tokenizer } from "./tokenizer.ts";

export type { TokenizerDescription } from "./remembered.ts";

/**
 * What another thread needs to make the same tokenizer; undefined for a tokenizer that was not made by this
 * package, or is a copy of one with other functions.
 */
export function describeTokenizer(tokenizer: Tokenizer): TokenizerDescription | undefined {
  return originOf(tokenizer);
}

/** The tokenizer that was described: the same ids for the same captions. */
export function tokenizerFrom(description: TokenizerDescription): Tokenizer {
  const { kind, options } = description;
  return kind === "clip" ? createClipTokenizer(options) : createFileTokenizer(description.files, options);
}
