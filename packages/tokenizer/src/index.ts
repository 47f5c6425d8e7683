export {
  clipTokenizerFor,
  openTokenizer,
  readsPadding,
  type ReadTokenizerFile,
  type TowerVocabulary,
} from "./open-tokenizer.ts";
export {
  createRobertaTokenizer,
  type RobertaTokenizerOptions,
} from "./roberta/roberta-tokenizer.ts";
export type { RobertaFiles } from "./roberta/roberta-vocabulary.ts";
export { canonicalizeText } from "./siglip/canonicalize-text.ts";
export {
  createSiglipTokenizer,
  type SiglipFiles,
  type SiglipTokenizerOptions,
} from "./siglip/siglip-tokenizer.ts";
export {
  createClipTokenizer,
  type ClipTokenizer,
  type EncodedWord,
  type EncodingWithOffsets,
  type Tokenizer,
} from "./tokenizer.ts";
export type { ClipTokenizerOptions } from "./tokenizer-options.ts";
export type { BatchOptions, TokenBatch } from "./encode-batch.ts";
export { cleanText } from "./clean-text.ts";
export { toHuggingFaceFiles, type HuggingFaceTokenizerFiles } from "./hugging-face-files.ts";
