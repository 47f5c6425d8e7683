import { ClipError } from "@clip-ts/base";
import { namedToken } from "./class-tokens.ts";
import { asId, asList, asText, refuseStep, type Json } from "./json.ts";
import { longestMatch } from "./normalizer.ts";
import { mergesOfPieces } from "./piece-merges.ts";
import { pieceKinds, readSentencePiece, type SentencePieceModel } from "./sentencepiece.ts";
import { className, tokenTextOf, type SentencePieceName } from "./tokenizer-files.ts";

/** A SentencePiece model and what the files beside it say, of which `tokenizer.json` is made. */
interface Parts {
  readonly model: SentencePieceModel;
  readonly config: Json;
  readonly name: string;
}

const mark = "▁";

const whole = { lstrip: false, rstrip: false, single_word: false };

const special = (id: number, content: string): Json => ({ id, content, special: true, normalized: false, ...whole });

/** Tokens before and behind a caption. */
function template(before: readonly string[], after: readonly string[], idOf: (token: string) => number): Json {
  const token = (id: string): Json => ({ SpecialToken: { id, type_id: 0 } });
  const named = [...new Set([...before, ...after])];
  return {
    type: "TemplateProcessing",
    single: [...before.map(token), { Sequence: { id: "A", type_id: 0 } }, ...after.map(token)],
    pair: [],
    special_tokens: Object.fromEntries(named.map((id) => [id, { id, ids: [idOf(id)], tokens: [id] }])),
  };
}

const precompiled = (charsmap: string): Json[] =>
  charsmap === "" ? [] : [{ type: "Precompiled", precompiled_charsmap: charsmap }];

const sequence = (normalizers: readonly Json[]): Json | null =>
  normalizers.length === 0 ? null : { type: "Sequence", normalizers };

const metaspace = { type: "Metaspace", replacement: mark, prepend_scheme: "always", split: true };

/** A special token of a class that has to be one. */
function tokenOf({ config, name }: Parts, key: string): string {
  return asText(namedToken(config, name, key), `tokenizer_config.json: ${key}`);
}

/** Ids of the given texts in a list of pieces, the last of equal ones. */
function idsOf(vocab: Pieces, wanted: ReadonlySet<string>): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  // Most pieces are told apart by their first unit, without a hash of the whole.
  const firsts = new Set(Array.from(wanted, (text) => text.charCodeAt(0)));
  for (let id = 0; id < vocab.length; id++) {
    const [text] = vocab[id]!;
    if (firsts.has(text.charCodeAt(0)) && wanted.has(text)) found.set(text, id);
  }
  return found;
}

/** The class's special tokens, as texts. */
const namedTokens = ({ config, name }: Parts): string[] =>
  ["bos", "eos", "unk", "sep", "pad", "cls", "mask"]
    .map((kind) => namedToken(config, name, `${kind}_token`))
    .filter((token) => token !== undefined);

/** Tokens that are found in a text as they stand: the class's, and those the model calls control or user's. */
function addedTokens(parts: Parts, vocab: Pieces): Json[] {
  const { pieces, kinds } = parts.model;
  const named = namedTokens(parts);
  const kindOf = new Map<string, number>();
  for (let index = 0; index < kinds.length; index++) {
    const kind = kinds[index]!;
    if (kind === pieceKinds.control || kind === pieceKinds.userDefined) kindOf.set(pieces[index]![0], kind);
  }
  const ids = idsOf(vocab, new Set([...named, ...kindOf.keys()]));
  return [...ids]
    .toSorted(([, a], [, b]) => a - b)
    .map(([text, id]) => {
      const isUsers = kindOf.get(text) === pieceKinds.userDefined && !named.includes(text);
      return { ...special(id, text), special: !isUsers };
    });
}

type Pieces = readonly (readonly [text: string, score: number])[];

/** A unigram model cut at white space, as XLM-R and T5 have it. */
function unigramJson(parts: Parts, vocab: Pieces, unknownId: number, frame: readonly [string[], string[]]): Json {
  const { model } = parts;
  if (model.type !== "unigram") refuseStep("the SentencePiece model's type", `${model.type} for ${parts.name}`);
  const ids = idsOf(vocab, new Set(frame.flat()));
  return {
    added_tokens: addedTokens(parts, vocab),
    normalizer: sequence(precompiled(model.charsmap)),
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] },
    post_processor: template(...frame, (token) => asId(ids.get(token), `the id of ${token}`)),
    decoder: metaspace,
    model: { type: "Unigram", unk_id: unknownId, vocab, byte_fallback: false },
  };
}

/** XLM-R (also XLM-V, AltCLIP, MetaCLIP 2): fairseq's four tokens first, the model's own three left out, a mask last. */
function xlmRobertaJson(parts: Parts): Json {
  const first = ["bos", "pad", "eos", "unk"].map((kind): Pieces[number] => [tokenOf(parts, `${kind}_token`), 0]);
  const mask = [tokenOf(parts, "mask_token"), 0] as const;
  const vocab: Pieces = first.concat(parts.model.pieces.slice(3), [mask]);
  return unigramJson(parts, vocab, 3, [[tokenOf(parts, "bos_token")], [tokenOf(parts, "eos_token")]]);
}

/** T5 and mT5: the pieces as they are, and sentinels behind them, the last number first. */
function t5Json(parts: Parts): Json {
  const count = asId(parts.config["extra_ids"] ?? 100, "tokenizer_config.json: extra_ids");
  const sentinels = Array.from({ length: count }, (_, index) => [`<extra_id_${count - 1 - index}>`, 0] as const);
  const vocab = [...parts.model.pieces, ...sentinels];
  const json = unigramJson(parts, vocab, parts.model.unknownId, [[], [tokenOf(parts, "eos_token")]]);
  const added = json["added_tokens"] as Json[];
  const start = parts.model.pieces.length;
  return { ...json, added_tokens: [...added, ...sentinels.map(([text], index) => special(start + index, text))] };
}

/** SigLIP's class asks SentencePiece itself, which normalises by the longest match and not by clusters. */
function siglipJson(parts: Parts): Json {
  const { pieces, unknownId, charsmap, unusual } = parts.model;
  for (const setting of unusual) refuseStep(`spiece.model: ${setting}`, "not the usual one");
  const json = unigramJson(parts, pieces, unknownId, [[], [tokenOf(parts, "eos_token")]]);
  const single = (Regex: string, content: string): Json => ({ type: "Replace", pattern: { Regex }, content });
  const spaces = [single(" {2,}", " "), single("^ +| +$", "")];
  const steps = precompiled(charsmap).map((step) => ({ ...step, [longestMatch]: true }));
  return { ...json, normalizer: sequence([...steps, ...spaces]), pre_tokenizer: metaspace };
}

/** A byte-pair model, its merges found from the order of its pieces. */
function bytePairModel(parts: Parts, table: ReadonlyMap<string, number>, byte_fallback: boolean): Json {
  const { model, name } = parts;
  if (model.type !== "bpe") refuseStep("the SentencePiece model's type", `${model.type} for ${name}`);
  const order = new Map(model.pieces.map(([text], index) => [text, index]));
  const vocab = Object.fromEntries(table);
  const merges = mergesOfPieces(order);
  return { type: "BPE", vocab, merges, unk_token: tokenOf(parts, "unk_token"), fuse_unk: true, byte_fallback };
}

/** The languages of NLLB in the order of their ids. */
function languagesOf({ config, name }: Parts): string[] {
  const listed = config["additional_special_tokens"] ?? config["extra_special_tokens"];
  if (Array.isArray(listed) && listed.length > 0) {
    return asList(listed, "additional_special_tokens").map((token) =>
      asText(tokenTextOf(token, "additional_special_tokens"), "additional_special_tokens"),
    );
  }
  throw new ClipError(
    "unsupported",
    `${name} without tokenizer.json needs its languages in the order of their ids: tokenizer_config.json (or ` +
      "special_tokens_map.json) should list them as additional_special_tokens; or put tokenizer.json there.",
  );
}

/** NLLB: fairseq's four tokens, the pieces, the languages, a mask. */
function nllbJson(parts: Parts): Json {
  const first = ["bos", "pad", "eos", "unk"].map((kind) => tokenOf(parts, `${kind}_token`));
  const pieces = parts.model.pieces.map(([text]) => text);
  const languages = languagesOf(parts);
  const mask = tokenOf(parts, "mask_token");
  const inModel = [...new Set([...first, ...pieces])];
  const all = [...new Set([...inModel, ...languages, mask])];
  const table = new Map(all.map((text, id) => [text, id]));
  const modelTable = new Map(inModel.map((text, id) => [text, id]));
  const behind = all.slice(inModel.length).map((text) => ({
    ...special(table.get(text)!, text),
    ...(text === mask && { lstrip: true, normalized: true }),
  }));
  const found = addedTokens(
    parts,
    inModel.map((text) => [text, 0]),
  );
  const replace = { type: "Replace", pattern: { Regex: " {2,}" }, content: " " };
  const { charsmap } = parts.model;
  const usual = languages.includes("eng_Latn") ? ["eng_Latn"] : [];
  return {
    added_tokens: [...found, ...behind],
    normalizer: charsmap === "" ? null : sequence([...precompiled(charsmap), replace]),
    pre_tokenizer: metaspace,
    post_processor: template(usual, [tokenOf(parts, "eos_token")], (token) => asId(table.get(token), token)),
    decoder: metaspace,
    model: bytePairModel(parts, modelTable, false),
  };
}

/** Gemma (SigLIP 2): byte-pairs with bytes for what is unknown, blanks as marks. */
function gemmaJson(parts: Parts): Json {
  const table = new Map(parts.model.pieces.map(([text], id) => [text, id]));
  const replace = (pattern: string, content: string): Json => ({
    type: "Replace",
    pattern: { String: pattern },
    content,
  });
  return {
    added_tokens: addedTokens(parts, parts.model.pieces),
    normalizer: replace(" ", mark),
    pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
    post_processor: null,
    decoder: { type: "Sequence", decoders: [replace(mark, " "), { type: "ByteFallback" }, { type: "Fuse" }] },
    model: bytePairModel(parts, table, true),
  };
}

const makers: Readonly<Record<string, (parts: Parts) => Json>> = {
  XLMRobertaTokenizer: xlmRobertaJson,
  T5Tokenizer: t5Json,
  MT5Tokenizer: t5Json,
  SiglipTokenizer: siglipJson,
  NllbTokenizer: nllbJson,
  GemmaTokenizer: gemmaJson,
  Siglip2Tokenizer: gemmaJson,
};

/** Which class reads a file where the config names none, as transformers has it for these names. */
function usualClass(file: SentencePieceName, { type }: SentencePieceModel, usual: string | undefined): string {
  if (usual !== undefined && Object.hasOwn(makers, usual)) return usual;
  if (file === "tokenizer.model") return "GemmaTokenizer";
  if (file === "spiece.model") return "T5Tokenizer";
  return type === "bpe" ? "NllbTokenizer" : "XLMRobertaTokenizer";
}

/**
 * What `tokenizer.json` would say for a folder that has a SentencePiece model only: the steps that
 * transformers' class builds around it. @returns it with the name of the class.
 * @throws ClipError "unsupported" for a class that is not known or a model that is not of its kind.
 */
export function fromSentencePiece(
  { file, bytes }: { readonly file: SentencePieceName; readonly bytes: Uint8Array },
  config: Json,
  usual: string | undefined,
): { readonly json: Json; readonly name: string } {
  const model = readSentencePiece(bytes, file);
  const name = className(config) ?? usualClass(file, model, usual);
  const make = Object.hasOwn(makers, name) ? makers[name] : undefined;
  if (make === undefined) return refuseStep(`tokenizer_config.json: tokenizer_class, with ${file} alone,`, name);
  return { json: make({ model, config, name }), name };
}
