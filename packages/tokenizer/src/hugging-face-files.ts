import type { Cleaning } from "./clean-text.ts";
import type { ClipTokenizer } from "./tokenizer.ts";
import { endToken, mergeTexts, startToken, tokenTexts } from "./vocabulary.ts";

/** The two files of a Hugging Face tokenizer folder, as values for JSON.stringify. */
export interface HuggingFaceTokenizerFiles {
  readonly "tokenizer.json": object;
  readonly "tokenizer_config.json": object;
}

/** What CLIP's files depend on. */
interface ClipFacts extends Pick<ClipTokenizer, "vocabSize" | "contextLength" | "startId" | "endId"> {
  /** "lower" is what CLIP's files stand for; any other is named. */
  readonly cleaning?: Cleaning;
  /** The token that fills rows up, where the text tower reads padding. */
  readonly fillId?: number;
}

/**
 * Files from which transformers (Python) and transformers.js load the same vocabulary. Their
 * cleaning is simpler than ours (no mojibake or HTML repair) and they pad with the end token, unless
 * `fillId` says another; a CLIP that pools at the first end token does not see the difference.
 */
export function toHuggingFaceFiles(tokenizer: ClipFacts): HuggingFaceTokenizerFiles {
  return {
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: [
        addedToken(startToken, tokenizer.startId),
        { ...addedToken(endToken, tokenizer.endId), normalized: false },
      ],
      ...clipPipeline(),
      post_processor: {
        type: "RobertaProcessing",
        sep: [endToken, tokenizer.endId],
        cls: [startToken, tokenizer.startId],
        trim_offsets: false,
        add_prefix_space: false,
      },
      model: bytePairModel(tokenizer),
    },
    "tokenizer_config.json": tokenizerConfig(tokenizer),
  };
}

/** The steps around CLIP's model; none depends on the vocabulary. */
export function clipPipeline(): Readonly<Record<string, object>> {
  const byteLevel = { type: "ByteLevel", trim_offsets: true, use_regex: true };
  const specials = [startToken, endToken].map((token) => token.replaceAll("|", String.raw`\|`));
  const contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
  const classes = [String.raw`[\p{L}]+`, String.raw`[\p{N}]`, String.raw`[^\s\p{L}\p{N}]+`];
  const pattern = { Regex: [...specials, ...contractions, ...classes].join("|") };
  return {
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: String.raw`\s+` }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern, behavior: "Removed", invert: true },
        { ...byteLevel, add_prefix_space: false },
      ],
    },
    decoder: { ...byteLevel, add_prefix_space: true },
  };
}

function bytePairModel({ vocabSize, startId, endId }: ClipFacts) {
  const ids = tokenTexts(vocabSize).map((text, id): [string, number] => [text, id]);
  return {
    type: "BPE",
    dropout: null,
    unk_token: endToken,
    continuing_subword_prefix: "",
    end_of_word_suffix: "</w>",
    fuse_unk: false,
    byte_fallback: false,
    vocab: Object.fromEntries([...ids, [startToken, startId], [endToken, endId]]),
    merges: mergeTexts(vocabSize),
  };
}

function tokenizerConfig({ contextLength, vocabSize, cleaning = "lower", fillId }: ClipFacts): object {
  const special = (content: string): object => ({ __type: "AddedToken", ...tokenTraits(content) });
  return {
    tokenizer_class: "CLIPTokenizer",
    model_max_length: contextLength,
    do_lower_case: true,
    add_prefix_space: false,
    clean_up_tokenization_spaces: true,
    errors: "replace",
    bos_token: special(startToken),
    eos_token: special(endToken),
    unk_token: special(endToken),
    pad_token: fillId === undefined ? endToken : (tokenTexts(vocabSize)[fillId] ?? endToken),
    ...(cleaning !== "lower" && { clip_ts: { cleaning } }),
  };
}

function addedToken(content: string, id: number): object {
  return { id, ...tokenTraits(content), special: true };
}

function tokenTraits(content: string): object {
  return { content, single_word: false, lstrip: false, rstrip: false, normalized: true };
}
