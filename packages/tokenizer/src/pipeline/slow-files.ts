import { ClipError } from "@clip-ts/base";
import { cleaners, type Cleaning } from "../clean-text.ts";
import { clipPipeline } from "../hugging-face-files.ts";
import { namedToken } from "./class-tokens.ts";
import type { Frame } from "./decoder.ts";
import { asFlag, asId, asObject, parseJsonFile, refuseStep, type Json } from "./json.ts";
import { longestMatch } from "./normalizer.ts";
import type { Pipeline } from "./pipeline.ts";
import { className, needId, type TokenizerFiles, type Vocabulary } from "./tokenizer-files.ts";

/** What a tokenizer's own files say about how captions are read. */
export interface Saying {
  readonly cleaning?: Cleaning;
  readonly contextLength?: number;
  readonly stripsSeparator: boolean;
}

/** The one key of ours in `tokenizer_config.json`; other libraries carry it along unread. */
const ownKey = "clip_ts";

/** Files that know no limit give 10^30. */
const longestContext = 1_000_000;

function cleaningOf(value: unknown): Cleaning | undefined {
  if (value === undefined) return undefined;
  const isKnown = typeof value === "string" && Object.hasOwn(cleaners, value);
  return isKnown ? (value as Cleaning) : refuseStep("tokenizer_config.json: clip_ts.cleaning", value);
}

/**
 * Reads what `tokenizer_config.json` says beyond the vocabulary.
 * @throws ClipError "unsupported" where rows are cut or filled at their beginning.
 */
export function saying(config: Json, name: string | undefined): Saying {
  for (const key of ["padding_side", "truncation_side"]) {
    const side = config[key] ?? "right";
    if (side !== "right") refuseStep(`tokenizer_config.json: ${key}`, side);
  }
  const ours = asObject(config[ownKey] ?? {}, `tokenizer_config.json: ${ownKey}`);
  const usual = name === "SiglipTokenizer" ? "siglip" : undefined;
  const cleaning = cleaningOf(ours["cleaning"]) ?? usual;
  const length = config["model_max_length"];
  const isLimit = Number.isInteger(length) && (length as number) < longestContext;
  return {
    stripsSeparator: asFlag(ours["strip_sep_token"], false, `${ownKey}.strip_sep_token`),
    ...(isLimit && { contextLength: length as number }),
    ...(cleaning !== undefined && { cleaning }),
  };
}

/** Steps that say a cleaning in `tokenizer.json` itself, for libraries that know nothing of ours. */
const siglipSteps: readonly Json[] = [
  { type: "Lowercase" },
  { type: "Replace", pattern: { Regex: String.raw`[!-/:-@\[-\x60{-~]` }, content: "" },
  { type: "Replace", pattern: { Regex: String.raw`\s+` }, content: " " },
  { type: "Strip", strip_left: true, strip_right: true },
];

/** The steps of a normalizer, one after the other. */
function stepsOf(normalizer: unknown): readonly unknown[] {
  if (normalizer === undefined || normalizer === null) return [];
  const { type, normalizers } = asObject(normalizer, "tokenizer.json: normalizer");
  return type === "Sequence" && Array.isArray(normalizers) ? normalizers : [normalizer];
}

function preceded(json: Json, first: readonly Json[]): Json {
  const steps = stepsOf(json["normalizer"]);
  const isThere = JSON.stringify(steps.slice(0, first.length)) === JSON.stringify(first);
  if (isThere) return json;
  return { ...json, normalizer: { type: "Sequence", normalizers: [...first, ...steps] } };
}

/**
 * What a class does beyond its `tokenizer.json`: SigLIP 2's lowers case; SigLIP's asks SentencePiece itself, which
 * normalises by the longest match.
 */
export function asClass(json: Json, name: string | undefined, lowersCase: boolean): Json {
  if (name === "Siglip2Tokenizer" || lowersCase) return preceded(json, [{ type: "Lowercase" }]);
  if (name !== "SiglipTokenizer") return json;
  const steps = stepsOf(json["normalizer"]).map((step) => {
    const { type } = asObject(step, "tokenizer.json: normalizer");
    return type === "Precompiled" ? { ...(step as Json), [longestMatch]: true } : step;
  });
  return { ...json, normalizer: { type: "Sequence", normalizers: steps } };
}

/** A language of FLORES-200 and its script, such as eng_Latn. */
const languageCode = /^[a-z]{3}_[A-Z][a-z]{3}$/u;

/** The languages among a vocabulary's tokens, by the alphabet. */
function languagesIn({ size, textOf }: Vocabulary): string[] {
  const texts = Array.from({ length: size }, (_, id) => textOf(id) ?? "");
  return texts.filter((text) => languageCode.test(text)).toSorted();
}

/** @throws ClipError "bad-argument" for a language, where captions have none. */
export function refuseLanguage(language: string | undefined, tokenizer: string): void {
  if (language === undefined) return;
  throw new ClipError(
    "bad-argument",
    `The language "${language}" is for NLLB's tokenizer, and this model's is ${tokenizer}: leave it out.`,
    { data: { language, tokenizer } },
  );
}

/** The language of a caption before it, and its end behind; both behind in the old way of the class. */
function nllbFrame(
  vocabulary: Vocabulary,
  { config, eos, language }: { config: Json; eos: number[]; language: string | undefined },
): Frame {
  const { src_lang: said } = config;
  const wanted = language ?? (typeof said === "string" ? said : "eng_Latn");
  const id = languageCode.test(wanted) ? vocabulary.get(wanted) : undefined;
  if (id === undefined) {
    const languages = languagesIn(vocabulary);
    throw new ClipError(
      "bad-argument",
      `The tokenizer has no language "${wanted}": give one of its ${languages.length}, ${languages.join(", ")}.`,
      { data: { language: wanted, languages } },
    );
  }
  const isOld = asFlag(config["legacy_behaviour"], false, "tokenizer_config.json: legacy_behaviour");
  return isOld ? { before: [], after: [...eos, id] } : { before: [id], after: eos };
}

/** Classes that put their own tokens around a caption, whatever the config's flags say. */
const framedByClass: ReadonlySet<unknown> = new Set(["CLIPTokenizer", "RobertaTokenizer", "BertTokenizer"]);

/**
 * The tokens around a caption. NLLB's are its class's, with a caption's language. `add_bos_token` and `add_eos_token` overrule the file's template, as in
 * transformers 5; `SiglipTokenizer` always ends with its end token.
 */
export function framed(
  { frame, vocabulary }: Pipeline,
  { config, name, language }: { config: Json; name: string | undefined; language?: string | undefined },
): Frame {
  const idOf = (key: string): number[] => {
    const token = namedToken(config, name, key);
    return token === undefined ? [] : [needId(vocabulary, token)];
  };
  if (name === "NllbTokenizer") return nllbFrame(vocabulary, { config, eos: idOf("eos_token"), language });
  refuseLanguage(language, name ?? "one of no class");
  if (name === "SiglipTokenizer") return { before: [], after: idOf("eos_token") };
  const flags = ["add_bos_token", "add_eos_token"];
  if (framedByClass.has(name) || flags.every((key) => config[key] === undefined)) return frame;
  const [adds, ends] = flags.map((key) => asFlag(config[key], false, `tokenizer_config.json: ${key}`));
  return { before: adds ? idOf("bos_token") : [], after: ends ? idOf("eos_token") : [] };
}

/** A tokenizer as `tokenizer.json` and its config say it. */
export interface WholeTokenizer {
  readonly json: Json;
  readonly config: Json;
  /** The class that reads it. */
  readonly name: string | undefined;
  /** Whether `json` was made of older files, by the steps of the class. */
  readonly isMade: boolean;
}

/** What the written config says of its class, so that it is read as it was. */
function classIn({ config, name, isMade }: WholeTokenizer, cleaning: Cleaning): Json {
  const tokens = ["eos_token", "pad_token", "unk_token"].map((key) => [key, namedToken(config, name, key)]);
  const named: Json = Object.fromEntries(tokens.filter(([, token]) => token !== undefined));
  // Python reads SigLIP's class from a SentencePiece model only, which is not written.
  if (cleaning === "siglip") return { ...named, ...config, tokenizer_class: "PreTrainedTokenizerFast" };
  return isMade ? { ...config, tokenizer_class: name } : config;
}

/** The files' contents, so that they say the cleaning: to us by a key, to others by steps where there are any. */
export function writtenFiles(
  whole: WholeTokenizer,
  said: Required<Saying>,
): { readonly "tokenizer.json": Json; readonly "tokenizer_config.json": Json } {
  const { cleaning, stripsSeparator, contextLength } = said;
  const { [ownKey]: _ours, ...others } = classIn(whole, cleaning);
  const own = {
    ...(cleaning !== "none" && { cleaning }),
    ...(stripsSeparator && { strip_sep_token: true }),
  };
  return {
    "tokenizer.json": cleaning === "siglip" ? preceded(whole.json, siglipSteps) : whole.json,
    "tokenizer_config.json": {
      ...others,
      model_max_length: contextLength,
      ...(Object.keys(own).length > 0 && { [ownKey]: own }),
    },
  };
}

/** Lines of `merges.txt`; the first names its version. */
export function parseMerges(text: string): string[] {
  const lines = text.split(/\r?\n/u);
  return lines.filter((line, index) => line.trim() !== "" && !(index === 0 && line.startsWith("#")));
}

/** RoBERTa's mask takes the white space before it along. */
const special = (content: string, id: number): object => ({
  id,
  content,
  special: true,
  normalized: false,
  lstrip: content === "<mask>",
});

/** What a folder without `tokenizer.json` is made into. */
interface SlowParts {
  readonly vocab: Json;
  readonly merges: readonly string[];
  readonly config: Json;
  readonly name: string;
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
 * or RoBERTa, or BERT's `vocab.txt`; the class says which, `usual` where the files do not. @returns it with the
 * name of the class.
 */
export function fromSlowFiles(
  files: TokenizerFiles,
  config: Json,
  usual: string,
): { readonly json: Json; readonly name: string } {
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
  if (make !== undefined) return { json: make({ ...lists, config, name }), name };
  return refuseStep("tokenizer_config.json: tokenizer_class without tokenizer.json", name);
}
