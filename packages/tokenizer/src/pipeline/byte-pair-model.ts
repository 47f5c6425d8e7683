import { cacheWords } from "../encode-word.ts";
import { createPairTable, mergePairs, type Merges } from "../merge-pairs.ts";
import { asFlag, asNumber, asText, type Json } from "./json.ts";
import { mergesOf, needId, refuseSetting, vocabularyOf, type TextModel, type Vocabulary } from "./tokenizer-files.ts";

const utf8 = new TextEncoder();

type Pairs = ReturnType<typeof mergesOf>;

function mergeTable(vocabulary: Vocabulary, merges: Pairs, model: Json, where: string): Merges {
  const prefix = asText(model["continuing_subword_prefix"] ?? "", where);
  const table = createPairTable(merges.length);
  const made = new Int32Array(merges.length);
  for (const [rank, [left, right]] of merges.entries()) {
    made[rank] = needId(vocabulary, left + right.slice(prefix.length));
    table.add(needId(vocabulary, left), needId(vocabulary, right), rank);
  }
  return { rankOf: table.find, idOf: (rank) => made[rank]! };
}

/** What becomes of a character that the vocabulary does not have. */
interface Fallback {
  /** Ids of the tokens that stand for single bytes, if all that is unknown may be written so. */
  readonly byteIds: readonly (number | undefined)[] | undefined;
  readonly unknown: number | undefined;
  readonly isFused: boolean;
}

const bytes = Array.from({ length: 256 }, (_, byte) => byte);

const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;

/** Appends what stands for an unknown character; unknown ones in a row may share one token. */
function pushUnknown(ids: number[], text: string, { byteIds, unknown, isFused }: Fallback): void {
  if (byteIds !== undefined) {
    const found = Array.from(utf8.encode(text), (byte) => byteIds[byte]);
    if (!found.includes(undefined)) return void ids.push(...(found as number[]));
  }
  if (unknown === undefined || (isFused && ids.at(-1) === unknown)) return;
  ids.push(unknown);
}

/** A function from a word to the ids of its characters, before any merge. */
function symbolsOf(vocabulary: Vocabulary, model: Json, where: string): (word: string) => number[] {
  const prefix = asText(model["continuing_subword_prefix"] ?? "", where);
  const suffix = asText(model["end_of_word_suffix"] ?? "", where);
  const unknownToken = model["unk_token"];
  const fallback: Fallback = {
    byteIds: asFlag(model["byte_fallback"], false, `${where}.byte_fallback`)
      ? bytes.map((byte) => vocabulary.get(byteToken(byte)))
      : undefined,
    unknown:
      unknownToken === undefined || unknownToken === null
        ? undefined
        : needId(vocabulary, asText(unknownToken, `${where}.unk_token`)),
    isFused: asFlag(model["fuse_unk"], false, `${where}.fuse_unk`),
  };
  return (word) => {
    const ids: number[] = [];
    let end = 0;
    for (const character of word) {
      const start = end === 0 ? "" : prefix;
      end += character.length;
      const text = start + character + (end === word.length ? suffix : "");
      const id = vocabulary.get(text);
      if (id === undefined) pushUnknown(ids, text, fallback);
      else ids.push(id);
    }
    return ids;
  };
}

/** SentencePiece's mark of a blank. */
const mark = "▁";

/** A run of marks and what follows up to the next one. */
const markedWords = /▁*[^▁]+|▁+/gu;

/** A mark that begins another word. */
const innerMark = /[^▁]▁/u;

/** Whether no merge reaches over the beginning of a mark, so that the words of a text are computed one by one. */
function endsAtMarks(merges: Pairs, vocabulary: Vocabulary, model: Json): boolean {
  const isPlain = ["continuing_subword_prefix", "end_of_word_suffix", "ignore_merges"].every((key) => !model[key]);
  return (
    isPlain &&
    vocabulary.get(mark) !== undefined && // what is unknown ends there too
    merges.every(([left, right]) => !innerMark.test(left + right))
  );
}

/**
 * A byte-pair model: characters joined pair by pair, always by the earliest learnt merge. A word that is
 * a token as it stands may be taken whole, but not one of `hidden`.
 * @throws ClipError if vocabulary and merges do not belong together.
 */
export function bytePairModel(model: Json, where: string, hidden: ReadonlySet<number>): TextModel {
  refuseSetting(model, "dropout", where);
  const ids = vocabularyOf(model["vocab"], `${where}.vocab`);
  const pairs = mergesOf(model["merges"], `${where}.merges`);
  const merges = mergeTable(ids, pairs, model, where);
  const symbols = symbolsOf(ids, model, where);
  const takesWhole = asFlag(model["ignore_merges"], false, `${where}.ignore_merges`);
  if (endsAtMarks(pairs, ids, model)) {
    const idsOf = cacheWords((word) => mergePairs(symbols(word), merges));
    const encode = (text: string): readonly number[] => {
      const words = innerMark.test(text) ? (text.match(markedWords) ?? []) : [text];
      if (words.length === 1) return idsOf(text);
      const all: number[] = [];
      for (const word of words) for (const id of idsOf(word)) all.push(id);
      return all;
    };
    return { ids, encode, remembers: true };
  }
  return {
    ids,
    encode(word) {
      const whole = takesWhole ? ids.get(word) : undefined;
      const isWhole = whole !== undefined && !hidden.has(whole);
      return isWhole ? [whole] : mergePairs(symbols(word), merges);
    },
  };
}

/**
 * BERT's model (Wu et al. 2016, arXiv:1609.08144, section 4.1): from the left, always the longest piece
 * that the vocabulary has; a word that cannot be cut so, or is too long, is unknown as a whole. Ids in `hidden` never come out of text.
 */
export function wordPieceModel(model: Json, where: string, hidden: ReadonlySet<number>): TextModel {
  const ids = vocabularyOf(model["vocab"], `${where}.vocab`);
  const unknown = needId(ids, asText(model["unk_token"] ?? "[UNK]", `${where}.unk_token`));
  const prefix = asText(model["continuing_subword_prefix"] ?? "##", where);
  const longest = asNumber(model["max_input_chars_per_word"] ?? 100, where);
  const pieceAt = (characters: readonly string[], start: number): [id: number, end: number] => {
    const head = start === 0 ? "" : prefix;
    for (let end = characters.length; end > start; end--) {
      const id = ids.get(head + characters.slice(start, end).join(""));
      if (id !== undefined && !hidden.has(id)) return [id, end];
    }
    return [unknown, -1];
  };
  return {
    ids,
    encode(word) {
      if (word.length > 2 * longest) return [unknown];
      const characters = Array.from(word);
      if (characters.length > longest) return [unknown];
      const found: number[] = [];
      for (let start = 0; start < characters.length;) {
        const [id, end] = pieceAt(characters, start);
        if (end < 0) return [unknown];
        found.push(id);
        start = end;
      }
      return found;
    },
  };
}
