export {
  createClipTokenizer,
  type EncodedWord,
  type EncodingWithOffsets,
  type Tokenizer,
} from "./tokenizer.ts";
export type { ClipTokenizerOptions } from "./tokenizer-options.ts";
export type { BatchOptions, TokenBatch } from "./encode-batch.ts";
export { cleanText } from "./clean-text.ts";
export { toHuggingFaceFiles, type HuggingFaceTokenizerFiles } from "./hugging-face-files.ts";
