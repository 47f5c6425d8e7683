import { unicodeSpaces } from "../clean-text.ts";
import { cacheWords } from "../encode-word.ts";
import { bytePairModel, wordPieceModel } from "./byte-pair-model.ts";
import { decoderOf, frameOf, type Frame } from "./decoder.ts";
import { asFlag, asId, asList, asObject, asText, refuseFile, refuseStep, type Json } from "./json.ts";
import { normalizerOf, strip, type TextStep } from "./normalizer.ts";
import { preTokenizerOf, type WordStep } from "./pre-tokenizer.ts";
import { withTokens, type TextModel, type Vocabulary } from "./tokenizer-files.ts";
import { createTrie, longestAt } from "./trie.ts";
import { unigramModel } from "./unigram-model.ts";

/** A token that is found in the text itself, before or after normalisation. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly isSpecial: boolean;
  readonly isNormalized: boolean;
  /** Whether it takes the white space before or behind it along. */
  readonly strips: { readonly start: boolean; readonly end: boolean };
}

/** Reads `added_tokens`. */
function addedTokensOf(value: unknown, where: string): AddedToken[] {
  if (value === undefined || value === null) return [];
  return asList(value, where).map((entry, index) => {
    const at = `${where}[${index}]`;
    const token = asObject(entry, at);
    const flag = (key: string, fallback: boolean): boolean => asFlag(token[key], fallback, `${at}.${key}`);
    const content = asText(token["content"], `${at}.content`);
    if (content === "") refuseFile(`${at}.content`, "a text that is not empty", content);
    const isSpecial = flag("special", false);
    if (flag("single_word", false) && !isSpecial) refuseStep(`${at}.single_word`, true);
    return {
      id: asId(token["id"], `${at}.id`),
      content,
      isSpecial,
      isNormalized: flag("normalized", !isSpecial),
      strips: { start: flag("lstrip", false), end: flag("rstrip", false) },
    };
  });
}

/** A stretch of text, or a token that was found in it. */
export type Section = string | AddedToken;

/** Cuts a text at added tokens, the longest first where several begin. */
export type SectionFinder = (text: string) => Section[];

const space = new RegExp(`[${unicodeSpaces}]`, "u");

function trimAround(sections: readonly Section[]): Section[] {
  return sections.map((section, index) => {
    if (typeof section !== "string") return section;
    const [before, behind] = [sections[index - 1], sections[index + 1]];
    return strip(section, space, {
      start: typeof before === "object" && before.strips.end,
      end: typeof behind === "object" && behind.strips.start,
    });
  });
}

/** A finder of the given tokens; `normalize` is applied to their texts too. */
function sectionFinder(tokens: readonly AddedToken[], normalize: TextStep): SectionFinder {
  if (tokens.length === 0) return (text) => [text];
  const trie = createTrie(tokens.map(({ content }, index) => [normalize(content), index]));
  return (text) => {
    const sections: Section[] = [];
    let begun = 0;
    for (let index = 0; index < text.length;) {
      const { value, end } = longestAt(trie, text, index);
      if (value < 0) {
        index++;
        continue;
      }
      if (index > begun) sections.push(text.slice(begun, index));
      sections.push(tokens[value]!);
      index = begun = end;
    }
    if (begun < text.length) sections.push(text.slice(begun));
    return trimAround(sections);
  };
}

/** What a `tokenizer.json` computes. */
export interface Pipeline {
  /** Ids of a text without the tokens around it; at least `most` of them if there are so many. */
  ids(text: string, most: number): number[];
  /** The text of ids, special tokens left out. */
  text(ids: readonly number[]): string;
  readonly vocabulary: Vocabulary;
  readonly frame: Frame;
  /** One more than the largest id. */
  readonly vocabSize: number;
}

/** Old files leave the model's type out. */
function typeOf(model: Json): unknown {
  if (model["type"] !== undefined) return model["type"];
  if (Array.isArray(model["vocab"])) return "Unigram";
  return model["merges"] === undefined ? "WordPiece" : "BPE";
}

function modelOf(model: Json, hidden: ReadonlySet<number>): TextModel {
  const where = "tokenizer.json: model";
  switch (typeOf(model)) {
    case "BPE":
      return bytePairModel(model, where, hidden);
    case "Unigram":
      return unigramModel(model, where, hidden);
    case "WordPiece":
      return wordPieceModel(model, where, hidden);
    default:
      return refuseStep(`${where}.type`, model["type"]);
  }
}

/** A mark before the first word only: whether that is so depends on what stripping takes away. */
function refuseStrippedStart({ normalizer, pre_tokenizer: cutter }: Json): void {
  const has = (value: unknown, text: string): boolean => JSON.stringify(value ?? null).includes(text);
  if (!has(cutter, '"prepend_scheme":"first"') || !has(normalizer, '"type":"Strip"')) return;
  refuseStep("tokenizer.json: prepend_scheme after a Strip", "first");
}

/** The text of tokens: special ones say nothing, a mark at the end of words is a blank. */
function decoding(json: Json, vocabulary: Vocabulary, added: readonly AddedToken[]): Pipeline["text"] {
  const decode = decoderOf(json["decoder"], "tokenizer.json: decoder");
  const specials = new Set(added.filter(({ isSpecial }) => isSpecial).map(({ id }) => id));
  const { end_of_word_suffix: suffix } = asObject(json["model"], "tokenizer.json: model");
  return (wanted) => {
    const tokens = wanted.filter((id) => !specials.has(id)).map((id) => vocabulary.textOf(id) ?? "");
    const text = decode(tokens).join("");
    const hasSuffix = typeof suffix === "string" && suffix !== "";
    return hasSuffix ? text.replaceAll(suffix, " ").trim() : text;
  };
}

/**
 * Reads the value of a `tokenizer.json`, step by step as Hugging Face's library computes it. Special
 * tokens written in a text are plain text unless `parseSpecialTokens`.
 * @throws ClipError "bad-data" for a broken file, "unsupported" for a step that is not known.
 */
export function pipelineOf(json: Json, parseSpecialTokens: boolean): Pipeline {
  const at = (key: string): string => `tokenizer.json: ${key}`;
  refuseStrippedStart(json);
  const added = addedTokensOf(json["added_tokens"], at("added_tokens"));
  const hidden = new Set(added.filter(({ isSpecial }) => isSpecial && !parseSpecialTokens).map(({ id }) => id));
  const normalize = normalizerOf(json["normalizer"], at("normalizer"));
  const cut: WordStep = preTokenizerOf(json["pre_tokenizer"], at("pre_tokenizer"));
  const model = modelOf(asObject(json["model"], at("model")), hidden);
  const found = added.filter(({ id }) => !hidden.has(id));
  const findRaw = sectionFinder(
    found.filter(({ isNormalized }) => !isNormalized),
    (text) => text,
  );
  const findNormal = sectionFinder(
    found.filter(({ isNormalized }) => isNormalized),
    normalize,
  );
  const idsOf = model.remembers === true ? model.encode : cacheWords(model.encode);
  const vocabulary = withTokens(model.ids, added);
  const pushWords = (ids: number[], text: string, isFirst: boolean): void => {
    for (const word of cut(text, isFirst)) for (const id of idsOf(word)) ids.push(id);
  };
  return {
    vocabulary,
    frame: frameOf(json["post_processor"], at("post_processor")),
    vocabSize: vocabulary.size,
    text: decoding(json, vocabulary, added),
    ids(text, most) {
      const ids: number[] = [];
      const sections = findRaw(text).flatMap((section) =>
        typeof section === "string" ? findNormal(normalize(section)) : [section],
      );
      for (const [index, section] of sections.entries()) {
        if (ids.length >= most) break;
        if (typeof section !== "string") ids.push(section.id);
        else if (section !== "") pushWords(ids, section, index === 0);
      }
      return ids;
    },
  };
}
