import { ClipError, shown } from "@clip-ts/base";
import type { Cleaning } from "./clean-text.ts";
import { asFlag, asId, asObject, type Json } from "./pipeline/json.ts";

/** Which tokenizer open_clip takes for a text tower, and how. */
export interface OpenClipTokenizer {
  /** Whether it is open_clip's own, CLIP's, and not one of Hugging Face's. */
  readonly isSimple: boolean;
  /** The tokenizer of Hugging Face's that the file names. */
  readonly name?: string;
  readonly cleaning: Cleaning;
  /** Most tokens of a caption; open_clip cuts at 77 where the file does not say. */
  readonly contextLength: number;
  readonly stripsSeparator: boolean;
}

const cleanings: readonly unknown[] = ["lower", "whitespace", "canonicalize"] satisfies Cleaning[];

function refuse(key: string, value: unknown): never {
  throw new ClipError(
    "unsupported",
    `open_clip_config.json: text_cfg.${key} is ${shown(value)}, which changes how captions become ` +
      "ids and is not supported. Give token ids instead of text.",
    { data: { key, value } },
  );
}

/** Values that stand for a setting that is switched off. */
const isOff = (value: unknown): boolean =>
  value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);

/**
 * The arguments that are understood, by which of open_clip's tokenizers takes them. `language` is none of them:
 * transformers undoes what open_clip sets, so that captions stay English there whatever it says.
 */
const known = {
  simple: ["clean"],
  huggingFace: ["clean", "strip_sep_token"],
} as const;

function cleaningOf(kwargs: Json, usual: Cleaning): Cleaning {
  const value = kwargs["clean"] ?? usual;
  return cleanings.includes(value) ? (value as Cleaning) : refuse("tokenizer_kwargs.clean", value);
}

/** Refuses arguments that are not understood, by their keys. */
function checkKeys(cfg: Json, kwargs: Json, isSimple: boolean): void {
  const understood: readonly string[] = isSimple ? known.simple : known.huggingFace;
  for (const [key, value] of Object.entries(kwargs)) {
    if (!understood.includes(key) && !isOff(value)) refuse(`tokenizer_kwargs.${key}`, value);
  }
  const { tokenizer_mode: mode } = cfg;
  if (!isSimple && !isOff(mode)) refuse("tokenizer_mode", mode);
}

/**
 * Reads what open_clip's `get_tokenizer` takes from `text_cfg`.
 * @throws ClipError "unsupported" for an argument that is not understood, by its key.
 */
export function openClipTokenizer(textCfg: unknown): OpenClipTokenizer {
  const where = "open_clip_config.json: text_cfg";
  const cfg = asObject(textCfg, where);
  const { hf_tokenizer_name: name = "", context_length: length = 77 } = cfg;
  const kwargs = asObject(cfg["tokenizer_kwargs"] ?? {}, `${where}.tokenizer_kwargs`);
  if (typeof name !== "string") return refuse("hf_tokenizer_name", name);
  const isSimple = name === "";
  checkKeys(cfg, kwargs, isSimple);
  return {
    isSimple,
    ...(!isSimple && { name }),
    cleaning: cleaningOf(kwargs, isSimple ? "lower" : "whitespace"),
    contextLength: asId(length, `${where}.context_length`),
    stripsSeparator: asFlag(kwargs["strip_sep_token"], false, `${where}.strip_sep_token`),
  };
}
