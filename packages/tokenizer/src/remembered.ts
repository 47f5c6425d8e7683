import type { ClipTokenizerOptions } from "./encode-batch.ts";
import type { FileTokenizerOptions } from "./file-tokenizer.ts";
import type { TokenizerFiles } from "./pipeline/tokenizer-files.ts";

/** What a tokenizer was made of: plain JSON. */
export type TokenizerDescription =
  | { readonly kind: "clip"; readonly options: ClipTokenizerOptions }
  | { readonly kind: "files"; readonly files: TokenizerFiles; readonly options: FileTokenizerOptions };

const origins = new WeakMap<object, TokenizerDescription>();

/** The tokenizer itself, of which it is known from here on what it was made of. */
export function remember<Made extends object>(tokenizer: Made, description: TokenizerDescription): Made {
  origins.set(tokenizer, description);
  return tokenizer;
}

/** What it was made of; undefined for one that this package did not make. */
export function originOf(tokenizer: object): TokenizerDescription | undefined {
  return origins.get(tokenizer);
}
