export {
  clipTokenizerFor,
  openTokenizer,
  readsPadding,
  type OpenTokenizerOptions,
  type ReadTokenizerFile,
  type TowerVocabulary,
} from "./open-tokenizer.ts";
export { describeTokenizer, tokenizerFrom, type TokenizerDescription } from "./describe-tokenizer.ts";
export { createFileTokenizer, type FileTokenizerOptions } from "./file-tokenizer.ts";
export { openClipTokenizer, type OpenClipTokenizer } from "./open-clip-settings.ts";
export { tokenizerFileNames, type TokenizerFiles } from "./pipeline/tokenizer-files.ts";
export {
  createClipTokenizer,
  type ClipTokenizer,
  type EncodedWord,
  type EncodingWithOffsets,
  type Tokenizer,
} from "./tokenizer.ts";
export type { ClipTokenizerOptions, BatchOptions, TokenBatch } from "./encode-batch.ts";
export { canonicalizeText, cleaners, cleanText, type Cleaning } from "./clean-text.ts";
export { toHuggingFaceFiles, type HuggingFaceTokenizerFiles } from "./hugging-face-files.ts";
export {
  fromTransformersTokenizer,
  tokenizerForTower,
  type TransformersTokenizer,
  type TransformersTokenizerOptions,
} from "./foreign-tokenizer.ts";
