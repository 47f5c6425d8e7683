import { unicodeSpaces } from "../clean-text.ts";
import { byteCharacters } from "../vocabulary.ts";
import { asFlag, asList, asObject, asText, refuseFile, refuseStep, type Json } from "./json.ts";
import { patternOf, wordCharacters } from "./pattern.ts";
import { punctuation } from "./unicode-sets.ts";

/** Cuts one piece of a text into words; `isFirst` tells the piece that the text begins with. */
export type WordStep = (piece: string, isFirst: boolean) => string[];

/** What becomes of what a pattern finds. */
type Behavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

interface Part {
  readonly text: string;
  readonly isMatch: boolean;
}

/** The text in order, what the pattern finds and what lies between. */
function partsOf(text: string, pattern: RegExp, isInverted: boolean): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(pattern)) {
    if (found === "") continue;
    if (index > end) parts.push({ text: text.slice(end, index), isMatch: isInverted });
    parts.push({ text: found, isMatch: !isInverted });
    end = index + found.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), isMatch: isInverted });
  return parts;
}

/** Whether a part goes to the one before it. */
function joinsLast(behavior: Behavior, isMatch: boolean, last: Part): boolean {
  if (behavior === "MergedWithPrevious") return isMatch && !last.isMatch;
  if (behavior === "MergedWithNext") return !isMatch && last.isMatch;
  return behavior === "Contiguous" && isMatch && last.isMatch;
}

/** Joins matches to their neighbours. */
function merged(parts: readonly Part[], behavior: Behavior): string[] {
  const words: string[] = [];
  let last: Part | undefined;
  for (const part of parts) {
    if (last !== undefined && joinsLast(behavior, part.isMatch, last)) {
      words[words.length - 1] += part.text;
    } else words.push(part.text);
    last = part;
  }
  return words;
}

function splitBy(pattern: RegExp, behavior: Behavior, isInverted = false): WordStep {
  return (piece) => {
    const parts = partsOf(piece, pattern, isInverted);
    if (behavior !== "Removed") return merged(parts, behavior);
    return parts.filter(({ isMatch }) => !isMatch).map(({ text }) => text);
  };
}

const behaviors: readonly string[] = [
  "Removed",
  "Isolated",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
] satisfies Behavior[];

/** Files write "Removed" or "removed", "MergedWithPrevious" or "merged_with_previous". */
function behaviorOf(value: unknown, where: string): Behavior {
  const plain = asText(value, where).replaceAll("_", "").toLowerCase();
  const known = behaviors.find((name) => name.toLowerCase() === plain);
  return known === undefined ? refuseStep(where, value) : (known as Behavior);
}

/** GPT-2's words: contractions, runs of letters, digits or others with the blank before, white space. */
const gptWords = new RegExp(
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^${unicodeSpaces}\p{L}\p{N}]+|[${unicodeSpaces}]+(?![^${unicodeSpaces}])|[${unicodeSpaces}]+`,
  "gu",
);

const utf8 = new TextEncoder();

/** Words whose bytes stand for themselves, but for the blank before. */
const plainWord = /^ ?[!-~]*$/u;
const blank = byteCharacters[0x20]!;

/** The word's bytes, each as the character that stands for it. */
function bytesAsCharacters(word: string): string {
  if (plainWord.test(word)) return word.startsWith(" ") ? blank + word.slice(1) : word;
  let text = "";
  for (const byte of utf8.encode(word)) text += byteCharacters[byte]!;
  return text;
}

function byteLevel(step: Json, where: string): WordStep {
  const hasPrefix = asFlag(step["add_prefix_space"], true, `${where}.add_prefix_space`);
  const splits = asFlag(step["use_regex"], true, `${where}.use_regex`);
  return (piece) => {
    const text = hasPrefix && !piece.startsWith(" ") ? ` ${piece}` : piece;
    return (splits ? (text.match(gptWords) ?? []) : [text]).map(bytesAsCharacters);
  };
}

function prefixRule(step: Json, where: string): string {
  const legacy = step["add_prefix_space"];
  const old = asFlag(legacy, true, `${where}.add_prefix_space`) ? "always" : "never";
  const rule = step["prepend_scheme"] ?? old;
  return rule === "always" || rule === "never" || rule === "first" ? rule : refuseStep(`${where}.prepend_scheme`, rule);
}

function metaspace(step: Json, where: string): WordStep {
  const mark = asText(step["replacement"] ?? "▁", `${where}.replacement`);
  const rule = prefixRule(step, where);
  const splits = asFlag(step["split"], true, `${where}.split`);
  if (mark === "") return refuseFile(`${where}.replacement`, "a text that is not empty", mark);
  return (piece, isFirst) => {
    const text = piece.includes(" ") ? piece.replaceAll(" ", () => mark) : piece;
    const isBare = !text.startsWith(mark) && (rule === "always" || (rule === "first" && isFirst));
    const whole = isBare ? mark + text : text;
    return splits ? splitBefore(whole, mark) : [whole];
  };
}

/** The text cut before every mark. */
function splitBefore(text: string, mark: string): string[] {
  const words: string[] = [];
  let start = 0;
  for (let next = text.indexOf(mark, 1); next >= 0; next = text.indexOf(mark, next + mark.length)) {
    words.push(text.slice(start, next));
    start = next;
  }
  if (start < text.length) words.push(text.slice(start));
  return words;
}

const notSpaces = new RegExp(`[^${unicodeSpaces}]+`, "gu");
const marks = new RegExp(`[${punctuation}]`, "gu");
/** A mark by itself, or what stands between marks and white space. */
const bertWords = new RegExp(`[${punctuation}]|[^${punctuation}${unicodeSpaces}]+`, "gu");
const asciiBertWords = /[!-/:-@[-`{-~]|[^!-/:-@[-`{-~\s]+/g;
const isAscii = /^[\x00-\x7f]*$/u;
const words = new RegExp(`[${wordCharacters}]+|[^${wordCharacters}${unicodeSpaces}]+`, "gu");

/** One step after the other; only the first piece stays the first. */
function inOrder(steps: readonly WordStep[]): WordStep {
  return (piece, isFirst) => {
    let words = [piece];
    for (const step of steps) {
      const next: string[] = [];
      for (let index = 0; index < words.length; index++) {
        for (const word of step(words[index]!, isFirst && index === 0)) next.push(word);
      }
      words = next;
    }
    return words;
  };
}

type StepMaker = (step: Json, where: string) => WordStep;

const makers: Readonly<Record<string, StepMaker>> = {
  ByteLevel: byteLevel,
  Metaspace: metaspace,
  Whitespace: () => splitBy(words, "Removed", true),
  WhitespaceSplit: () => (piece) => piece.match(notSpaces) ?? [],
  BertPreTokenizer: () => (piece) => piece.match(isAscii.test(piece) ? asciiBertWords : bertWords) ?? [],
  Punctuation: (step, where) => splitBy(marks, behaviorOf(step["behavior"] ?? "Isolated", `${where}.behavior`)),
  Digits: (step, where) => {
    const isEach = asFlag(step["individual_digits"], false, `${where}.individual_digits`);
    return splitBy(isEach ? /\p{N}/gu : /\p{N}+/gu, "Isolated");
  },
  Split: (step, where) =>
    splitBy(
      patternOf(step["pattern"], `${where}.pattern`),
      behaviorOf(step["behavior"], `${where}.behavior`),
      asFlag(step["invert"], false, `${where}.invert`),
    ),
  Sequence: (step, where) => {
    const list = asList(step["pretokenizers"], `${where}.pretokenizers`);
    return inOrder(list.map((one, index) => preTokenizerOf(one, `${where}.pretokenizers[${index}]`)));
  },
};

/** Reads the `pre_tokenizer` of a tokenizer.json. @throws ClipError for a step that is not known. */
export function preTokenizerOf(value: unknown, where: string): WordStep {
  if (value === undefined || value === null) return (piece) => [piece];
  const step = asObject(value, where);
  const type = asText(step["type"], `${where}.type`);
  const maker = Object.hasOwn(makers, type) ? makers[type] : undefined;
  return maker === undefined ? refuseStep(`${where}.type`, type) : maker(step, where);
}
