import { cleaners, type Cleaning } from "../clean-text.ts";
import { asFlag, asObject, refuseStep, type Json } from "./json.ts";
import type { Frame } from "./decoder.ts";
import type { Pipeline } from "./pipeline.ts";
import { namedToken } from "./slow-files.ts";
import { needId } from "./tokenizer-files.ts";

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
  return isKnown
    ? (value as Cleaning)
    : refuseStep("tokenizer_config.json: clip_ts.cleaning", value);
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

/** SigLIP 2 lowers case, which its class says and its published `tokenizer.json` does not. */
export function lowered(json: Json, name: string | undefined, lowersCase: boolean): Json {
  const isSiglip2 = name === "Siglip2Tokenizer";
  return isSiglip2 || lowersCase ? preceded(json, [{ type: "Lowercase" }]) : json;
}

/** Classes that put their own tokens around a caption, whatever the config's flags say. */
const framedByClass: ReadonlySet<unknown> = new Set([
  "CLIPTokenizer",
  "RobertaTokenizer",
  "BertTokenizer",
]);

/**
 * The tokens around a caption. `add_bos_token` and `add_eos_token` overrule the file's template, as in
 * transformers 5; `SiglipTokenizer` always ends with its end token.
 */
export function framed(
  { frame, vocabulary }: Pipeline,
  config: Json,
  name: string | undefined,
): Frame {
  const idOf = (key: string): number[] => {
    const token = namedToken(config, name, key);
    return token === undefined ? [] : [needId(vocabulary, token)];
  };
  if (name === "SiglipTokenizer") return { before: [], after: idOf("eos_token") };
  const flags = ["add_bos_token", "add_eos_token"];
  if (framedByClass.has(name) || flags.every((key) => config[key] === undefined)) return frame;
  const [adds, ends] = flags.map((key) =>
    asFlag(config[key], false, `tokenizer_config.json: ${key}`),
  );
  return { before: adds ? idOf("bos_token") : [], after: ends ? idOf("eos_token") : [] };
}

/** The files' contents, so that they say the cleaning: to us by a key, to others by steps where there are any. */
export function writtenFiles(
  { json, config }: { readonly json: Json; readonly config: Json },
  said: Required<Saying>,
): { readonly "tokenizer.json": Json; readonly "tokenizer_config.json": Json } {
  const { cleaning, stripsSeparator, contextLength } = said;
  const { [ownKey]: _ours, ...others } = config;
  const own = {
    ...(cleaning !== "none" && { cleaning }),
    ...(stripsSeparator && { strip_sep_token: true }),
  };
  return {
    "tokenizer.json": cleaning === "siglip" ? preceded(json, siglipSteps) : json,
    "tokenizer_config.json": {
      ...others,
      model_max_length: contextLength,
      // Python reads this class from a SentencePiece model only, which is not written.
      ...(cleaning === "siglip" && { tokenizer_class: "PreTrainedTokenizerFast" }),
      ...(Object.keys(own).length > 0 && { [ownKey]: own }),
    },
  };
}
