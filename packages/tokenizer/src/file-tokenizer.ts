import { ClipError } from "@clip-ts/base";
import { remember } from "./remembered.ts";
import { checkText, type Tokenizer } from "./tokenizer.ts";
import { cleaners, type Cleaning } from "./clean-text.ts";
import { checkInteger, encodeBatch } from "./encode-batch.ts";
import { namedToken } from "./pipeline/class-tokens.ts";
import { asClass, framed, fromSlowFiles, saying, writtenFiles, type WholeTokenizer } from "./pipeline/slow-files.ts";
import { asObject, parseJsonFile, readingTokenizer, type Json } from "./pipeline/json.ts";
import { pipelineOf, type Pipeline } from "./pipeline/pipeline.ts";
import { fromSentencePiece } from "./pipeline/sentencepiece-files.ts";
import { className, configOf, sentencePieceIn, type TokenizerFiles } from "./pipeline/tokenizer-files.ts";

/** How captions become ids where the files leave it open. */
export interface FileTokenizerOptions {
  /** Most tokens of a caption, special ones included; at least 3. Default: what the files say, or 77. */
  readonly contextLength?: number;
  /** What a text goes through first. Default: as the files say, or nothing. */
  readonly cleaning?: Cleaning;
  /** Lowers case before anything else, as SigLIP 2 does where its class does not say so. Default false. */
  readonly lowersCase?: boolean;
  /** Which class reads `vocab.json` and `merges.txt` where the files do not say: CLIP's by default. */
  readonly usualClass?: "CLIPTokenizer" | "RobertaTokenizer";
  /** Which class reads a SentencePiece model where the files do not say: as its name has it by default. */
  readonly usualPieceClass?: "SiglipTokenizer" | undefined;
  /** The language of the captions, as NLLB's tokenizer names it. Default: as the files say, or "eng_Latn". */
  readonly language?: string;
  /** Reads special tokens inside a caption as such. Default false: they are plain text. */
  readonly parseSpecialTokens?: boolean;
  /** Whether every row of a batch is as wide as the context. Default false. */
  readonly fillsContext?: boolean;
  /** Fills rows up where the files name no padding token. */
  readonly padId?: number;
  /** open_clip's `strip_sep_token`: the separator's id becomes 0. Default false. */
  readonly stripsSeparator?: boolean;
}

/** What decides how captions become ids, from the files and the options. */
interface Parts extends WholeTokenizer {
  readonly pipeline: Pipeline;
}

function idOf({ pipeline, config, name }: Parts, key: string): number | undefined {
  const token = namedToken(config, name, key);
  return token === undefined ? undefined : pipeline.vocabulary.get(token);
}

function endOf(parts: Parts): number {
  const { after } = parts.pipeline.frame;
  const named = idOf(parts, "eos_token") ?? idOf(parts, "sep_token");
  const id = named !== undefined && after.includes(named) ? named : (after.at(-1) ?? named);
  if (id !== undefined) return id;
  throw new ClipError(
    "bad-data",
    "The tokenizer has no end token: tokenizer_config.json should name an eos_token of the vocabulary.",
  );
}

function padOf(parts: Parts, fallback: number | undefined): number {
  const { padding } = parts.json;
  const stated = padding === undefined || padding === null ? {} : asObject(padding, "padding");
  const written = stated["pad_id"];
  const id = idOf(parts, "pad_token") ?? (typeof written === "number" ? written : fallback);
  return id ?? endOf(parts);
}

/** What `tokenizer.json` says or would say, and which class reads it. */
function readJson(
  files: TokenizerFiles,
  config: Json,
  { usualClass, usualPieceClass }: FileTokenizerOptions,
): Omit<WholeTokenizer, "config"> {
  const whole = files["tokenizer.json"];
  const name = className(config) ?? usualClass;
  if (whole !== undefined) return { json: parseJsonFile(whole, "tokenizer.json"), name, isMade: false };
  const model = sentencePieceIn(files);
  const made =
    model === undefined
      ? fromSlowFiles(files, config, usualClass ?? "CLIPTokenizer")
      : fromSentencePiece(model, config, usualPieceClass);
  return { ...made, isMade: true };
}

/** All that the files say, as JSON. */
function jsonOf(files: TokenizerFiles, options: FileTokenizerOptions): WholeTokenizer {
  const config = configOf(files);
  const { json, name, isMade } = readJson(files, config, options);
  return { json: asClass(json, name, options.lowersCase ?? false), config, name, isMade };
}

function partsOf(files: TokenizerFiles, options: FileTokenizerOptions): Parts {
  const said = jsonOf(files, options);
  const pipeline = pipelineOf(said.json, options.parseSpecialTokens ?? false);
  const frame = framed(pipeline, { ...said, language: options.language });
  return { ...said, pipeline: { ...pipeline, frame } };
}

/** The text up to the first end token. */
function decodeUpTo(pipeline: Pipeline, ids: readonly number[], endId: number): string {
  const end = ids.indexOf(endId, pipeline.frame.before.length);
  return pipeline.text(end < 0 ? ids : ids.slice(0, end));
}

/**
 * A tokenizer from the texts of its files, equal to Hugging Face's library id by id: byte-pair, unigram
 * and word-piece models, whatever their steps. Special tokens in captions are plain text by default.
 * @throws ClipError "bad-data" for files that are broken, "unsupported" for a step that is not known.
 */
export function createFileTokenizer(files: TokenizerFiles, options: FileTokenizerOptions = {}): Tokenizer {
  return readingTokenizer(() => {
    const parts = partsOf(files, options);
    const { pipeline } = parts;
    const said = saying(parts.config, parts.name);
    const { contextLength = said.contextLength ?? 77, cleaning = said.cleaning ?? "none" } = options;
    const { stripsSeparator = said.stripsSeparator, fillsContext = false } = options;
    checkInteger("contextLength", contextLength, [3, Number.MAX_SAFE_INTEGER]);
    const { before, after } = pipeline.frame;
    const [endId, padId] = [endOf(parts), padOf(parts, options.padId)];
    const separator = stripsSeparator ? idOf(parts, "sep_token") : undefined;
    const room = Math.max(0, contextLength - before.length - after.length);
    const encode = (text: string): number[] => {
      const ids = pipeline.ids(cleaners[cleaning](checkText(text)), room);
      const row = [...before, ...ids.slice(0, room), ...after];
      return separator === undefined ? row : row.map((id) => (id === separator ? 0 : id));
    };
    const row = { encode, contextLength, padId };
    const tokenizer: Tokenizer = {
      source: "files",
      cleaning,
      stripsSeparator,
      vocabSize: pipeline.vocabSize,
      contextLength,
      endId,
      padId,
      encode,
      encodeBatch: (texts, batch) => encodeBatch(row, texts, fillsContext ? {} : batch),
      decode: (ids) => decodeUpTo(pipeline, Array.from(ids), endId),
      // Read anew: what the files hold is much larger than the tokenizer.
      files: () => ({ ...writtenFiles(jsonOf(files, options), { contextLength, cleaning, stripsSeparator }) }),
    };
    return remember(tokenizer, { kind: "files", files, options });
  });
}
