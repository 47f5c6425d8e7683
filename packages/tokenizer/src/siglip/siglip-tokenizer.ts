import { ClipError } from "@clip-ts/base";
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { checkText } from "../check-text.ts";
import { encodeBatch } from "../encode-batch.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { checkInteger } from "../tokenizer-options.ts";
import { canonicalizeText } from "./canonicalize-text.ts";

/** The texts of a tokenizer folder's files; the config names the special tokens. */
export interface SiglipFiles {
  readonly "tokenizer.json": string;
  readonly "tokenizer_config.json"?: string | undefined;
}

/** How captions become ids. */
export interface SiglipTokenizerOptions {
  /** Tokens of every caption, padding included. Default 64. */
  readonly contextLength?: number;
  /** Lower case and no punctuation, as SigLIP was trained. Default true. */
  readonly canonicalize?: boolean;
}

type Json = Readonly<Record<string, unknown>>;

function parseJson(text: string, file: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new ClipError("bad-data", `${file} is no JSON: fetch the tokenizer's files again.`, {
      cause,
    });
  }
}

/** A special token is given by its text, or by an object that has it. */
function contentOf(token: unknown): string | undefined {
  if (typeof token === "string") return token;
  return (token as { content?: string } | null | undefined)?.content;
}

function idOfSpecial(tokenizer: HuggingFaceTokenizer, config: Json, key: string): number {
  const content = contentOf(config[key]) ?? "</s>";
  const id = tokenizer.token_to_id(content);
  if (id !== undefined) return id;
  throw new ClipError("bad-data", `The tokenizer has no token "${content}" for its ${key}.`);
}

/**
 * SigLIP's tokenizer, read from the `tokenizer.json` of a model folder. No start token; captions are
 * always padded to the whole context, since the tower reads padding like any other token.
 * @throws ClipError "bad-data" if the files are not those of a tokenizer.
 */
export function createSiglipTokenizer(
  files: SiglipFiles,
  { contextLength = 64, canonicalize = true }: SiglipTokenizerOptions = {},
): Tokenizer {
  checkInteger("contextLength", contextLength, [3, Number.MAX_SAFE_INTEGER]);
  const model = parseJson(files["tokenizer.json"], "tokenizer.json");
  const config = parseJson(files["tokenizer_config.json"] ?? "{}", "tokenizer_config.json");
  const tokenizer = new HuggingFaceTokenizer(model, config);
  const endId = idOfSpecial(tokenizer, config, "eos_token");
  const padId = idOfSpecial(tokenizer, config, "pad_token");

  const encode = (text: string): number[] => {
    const caption = canonicalize ? canonicalizeText(checkText(text)) : checkText(text);
    const { ids } = tokenizer.encode(caption, { add_special_tokens: false });
    return [...ids.slice(0, contextLength - 1), endId];
  };

  const row = { encode, contextLength, padId };
  return {
    vocabSize: tokenizer.get_vocab().size,
    contextLength,
    endId,
    padId,
    encode,
    encodeBatch: (captions) => encodeBatch(row, captions),
    decode(ids) {
      const all = Array.from(ids);
      const end = all.indexOf(endId);
      return tokenizer.decode(end === -1 ? all : all.slice(0, end), { skip_special_tokens: true });
    },
    files: () => ({ "tokenizer.json": model, "tokenizer_config.json": config }),
  };
}
