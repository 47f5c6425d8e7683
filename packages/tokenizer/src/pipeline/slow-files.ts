import { clipPipeline } from "../hugging-face-files.ts";
import { asFlag, asId, parseJsonFile, refuseStep, type Json } from "./json.ts";
import { className, tokenText, type TokenizerFiles } from "./tokenizer-files.ts";

/** Lines of `merges.txt`; the first names its version. */
export function parseMerges(text: string): string[] {
  const lines = text.split(/\r?\n/u);
  return lines.filter(
    (line, index) => line.trim() !== "" && !(index === 0 && line.startsWith("#")),
  );
}

/** RoBERTa's mask takes the white space before it along. */
const special = (content: string, id: number): object => ({
  id,
  content,
  special: true,
  normalized: false,
  lstrip: content === "<mask>",
});

/** The special tokens of a class where the files do not name them. */
const classTokens: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  CLIPTokenizer: { bos_token: "<|startoftext|>", eos_token: "<|endoftext|>" },
  RobertaTokenizer: {
    bos_token: "<s>",
    eos_token: "</s>",
    cls_token: "<s>",
    sep_token: "</s>",
    unk_token: "<unk>",
    pad_token: "<pad>",
    mask_token: "<mask>",
  },
  BertTokenizer: { cls_token: "[CLS]", sep_token: "[SEP]", pad_token: "[PAD]", unk_token: "[UNK]" },
  SiglipTokenizer: { eos_token: "</s>", pad_token: "</s>" },
  T5Tokenizer: { eos_token: "</s>", pad_token: "<pad>" },
  Siglip2Tokenizer: { bos_token: "<bos>", eos_token: "<eos>", pad_token: "<pad>" },
  GemmaTokenizer: { bos_token: "<bos>", eos_token: "<eos>", pad_token: "<pad>" },
  XLMRobertaTokenizer: { bos_token: "<s>", eos_token: "</s>", pad_token: "<pad>" },
};

/** What a folder without `tokenizer.json` is made into. */
interface SlowParts {
  readonly vocab: Json;
  readonly merges: readonly string[];
  readonly config: Json;
  readonly name: string;
}

/** The text of a special token: as the files say, else as the class has it. */
export function namedToken(
  config: Json,
  name: string | undefined,
  key: string,
): string | undefined {
  return tokenText(config, key) ?? classTokens[name ?? ""]?.[key];
}

/** The tokens around a caption, and all special ones, with their ids in the vocabulary. */
function frame({ vocab, config, name }: SlowParts, keys: readonly [string, string]): Json {
  const [cls, sep] = keys.map((key) => {
    const token = namedToken(config, name, key);
    return [token, asId(vocab[token ?? ""], `the vocabulary's ${key}`)];
  });
  const known = ["bos", "eos", "cls", "sep", "pad", "unk", "mask"].map((kind) =>
    namedToken(config, name, `${kind}_token`),
  );
  const tokens = [...new Set(known)].filter((token) => token !== undefined && token in vocab);
  return {
    added_tokens: tokens.map((token) => special(token!, vocab[token!] as number)),
    post_processor: { type: "RobertaProcessing", cls, sep },
  };
}

function clipJson(parts: SlowParts): Json {
  const unknown = namedToken(parts.config, parts.name, "unk_token") ?? "<|endoftext|>";
  const suffix = { unk_token: unknown, end_of_word_suffix: "</w>" };
  return {
    ...clipPipeline(),
    ...frame(parts, ["bos_token", "eos_token"]),
    model: { type: "BPE", vocab: parts.vocab, merges: parts.merges, ...suffix },
  };
}

function robertaJson(parts: SlowParts): Json {
  const where = "tokenizer_config.json: add_prefix_space";
  const add_prefix_space = asFlag(parts.config["add_prefix_space"], false, where);
  return {
    pre_tokenizer: { type: "ByteLevel", add_prefix_space },
    decoder: { type: "ByteLevel" },
    ...frame(parts, ["bos_token", "eos_token"]),
    model: { type: "BPE", vocab: parts.vocab, merges: parts.merges },
  };
}

function bertJson(parts: SlowParts): Json {
  const flag = (key: string, fallback: boolean): boolean =>
    asFlag(parts.config[key], fallback, `tokenizer_config.json: ${key}`);
  return {
    normalizer: {
      type: "BertNormalizer",
      lowercase: flag("do_lower_case", true),
      handle_chinese_chars: flag("tokenize_chinese_chars", true),
      strip_accents: parts.config["strip_accents"],
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece" },
    ...frame(parts, ["cls_token", "sep_token"]),
    model: {
      type: "WordPiece",
      vocab: parts.vocab,
      unk_token: namedToken(parts.config, parts.name, "unk_token"),
    },
  };
}

/** A table of the lines of `vocab.txt`: a token's id is its line. */
function lineTable(text: string): Json {
  const lines = text.replace(/\r?\n$/u, "").split(/\r?\n/u);
  return Object.fromEntries(lines.map((token, id) => [token, id]));
}

/**
 * What `tokenizer.json` would say for a folder of the older kind: `vocab.json` and `merges.txt` of CLIP
 * or RoBERTa, or BERT's `vocab.txt`; the class says which, `usual` where the files do not.
 */
export function fromSlowFiles(files: TokenizerFiles, config: Json, usual: string): Json {
  const { "vocab.json": vocab, "merges.txt": merges, "vocab.txt": lines = "" } = files;
  const hasMerges = vocab !== undefined && merges !== undefined;
  const name = className(config) ?? (hasMerges ? usual : "BertTokenizer");
  const lists = hasMerges
    ? { vocab: parseJsonFile(vocab, "vocab.json"), merges: parseMerges(merges) }
    : { vocab: lineTable(lines), merges: [] };
  const known: Readonly<Record<string, (parts: SlowParts) => Json>> = hasMerges
    ? { CLIPTokenizer: clipJson, RobertaTokenizer: robertaJson }
    : { BertTokenizer: bertJson };
  const make = Object.hasOwn(known, name) ? known[name] : undefined;
  if (make !== undefined) return make({ ...lists, config, name });
  return refuseStep("tokenizer_config.json: tokenizer_class without tokenizer.json", name);
}
