import { unicodeSpaces } from "../clean-text.ts";
import { asFlag, asList, asObject, asText, refuseFile, refuseStep, type Json } from "./json.ts";
import { patternOf } from "./pattern.ts";

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const utf8 = new TextEncoder();
const text8 = new TextDecoder("utf-8", { ignoreBOM: true });

function decodeBase64(text: string, where: string): Uint8Array {
  const length = text.replace(/=+$/u, "").length;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let [bits, held, place] = [0, 0, 0];
  for (let index = 0; index < length; index++) {
    const value = digits.indexOf(text[index]!);
    if (value < 0) return refuseFile(where, "base64", text.slice(0, 20));
    bits = ((bits << 6) | value) & 0xffffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[place++] = bits >> held;
  }
  return bytes;
}

/** One unit of a double-array trie (Yata's Darts-clone). */
const labelOf = (unit: number): number => (unit & 0x800000ff) >>> 0;
const hasLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1;
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 512) >>> 6);

/** Where the replacement of the shortest known prefix begins, or -1. */
function findPrefix(trie: Uint32Array, key: Uint8Array): number {
  let node = offsetOf(trie[0] ?? 0);
  for (const byte of key) {
    node ^= byte;
    const unit = trie[node] ?? 0;
    if (byte === 0 || labelOf(unit) !== byte) return -1;
    node ^= offsetOf(unit);
    if (hasLeaf(unit)) return ((trie[node] ?? 0) & 0x7fffffff) >>> 0;
  }
  return -1;
}

/** Grapheme clusters as the original counts them: those of six bytes and more are taken apart. */
const longestCluster = 5;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Characters that may join a neighbour in a cluster: marks, formats, jamo, flags, skin tones, line ends. */
const joiner = String.raw`\p{M}\p{Cf}\r\n\u0d4e\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\u{1f1e6}-\u{1f1ff}\u{1f3fb}-\u{1f3ff}\u{111c2}\u{111c3}`;

/** A character with the marks above and below it; and joiners that follow other rules. */
const marked = /[^]\p{Mn}*/gu;
const hard = new RegExp(`(?!\\p{Mn})[${joiner}]`, "u");

/** The clusters of a stretch; those of marks alone are told without the segmenter, which is slow. */
function clustersOf(stretch: string): Iterable<string> {
  if (!hard.test(stretch)) return stretch.match(marked) ?? [];
  return Array.from(graphemes.segment(stretch), ({ segment }) => segment);
}

/** Stretches that hold joiners, with a character to either side; what lies between is its own cluster each. */
const stretches = new RegExp(`[^${joiner}]?[${joiner}](?:[^${joiner}]?[${joiner}])*[^${joiner}]?`, "gu");

/**
 * SentencePiece's compiled normalisation (Kudo & Richardson 2018, arXiv:1808.06226, section 3.3), as
 * Hugging Face applies it: cluster by cluster, else character by character.
 */
function charsmapNormalizer(value: unknown, where: string): (text: string) => string {
  const bytes = decodeBase64(asText(value, where), where);
  const size = new DataView(bytes.buffer).getUint32(0, true);
  if (size % 4 !== 0 || size + 4 > bytes.length) refuseFile(where, "a compiled map", size);
  const trie = new Uint32Array(bytes.slice(4, 4 + size).buffer);
  const replacements = bytes.subarray(4 + size);
  const look = (part: string): string | undefined => {
    const start = findPrefix(trie, utf8.encode(part));
    if (start < 0) return undefined;
    const end = replacements.indexOf(0, start);
    return text8.decode(replacements.subarray(start, end < 0 ? undefined : end));
  };
  const ofCharacter = remembering((character) => look(character) ?? character);
  const ofCluster = remembering((cluster) => {
    const isShort = utf8.encode(cluster).length <= longestCluster;
    return (isShort ? look(cluster) : undefined) ?? eachOf(cluster, ofCharacter);
  });
  return (text) => {
    let result = "";
    let done = 0;
    for (const { 0: stretch, index } of text.matchAll(stretches)) {
      result += eachOf(text.slice(done, index), ofCharacter);
      for (const cluster of clustersOf(stretch)) result += ofCluster(cluster);
      done = index + stretch.length;
    }
    return result + eachOf(text.slice(done), ofCharacter);
  };
}

/** The characters of a text, each replaced. */
function eachOf(text: string, replace: (character: string) => string): string {
  let result = "";
  for (const character of text) result += replace(character);
  return result;
}

/** The same function with a memory; it forgets all when that is full. */
function remembering(compute: (text: string) => string): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const found = known.get(text) ?? compute(text);
    if (known.size >= 65_536) known.clear();
    if (text.length <= longestCluster) known.set(text, found);
    return found;
  };
}

/** A step from text to text. */
export type TextStep = (text: string) => string;

/** Lower case of each character by itself: unlike JavaScript's, a sigma knows no end of a word. */
function lowerEach(text: string): string {
  return text.replaceAll("Σ", "σ").toLowerCase();
}

/** Takes white space off the ends in one pass; a pattern that ends in `$` would look at every inner run. */
export function strip(text: string, spaces: RegExp, { start, end }: StripSides): string {
  let last = text.length;
  while (end && last > 0 && spaces.test(text[last - 1]!)) last--;
  let first = 0;
  while (start && first < last && spaces.test(text[first]!)) first++;
  return text.slice(first, last);
}

/** Which ends are stripped. */
export interface StripSides {
  readonly start: boolean;
  readonly end: boolean;
}

const space = new RegExp(`[${unicodeSpaces}]`, "u");

/** BERT's blocks of Chinese characters, each a word of its own. */
const chinese =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

/** Control characters, formats, surrogates and what is unassigned or private; not tab and line ends. */
const controls = /[\0\ufffd]|(?![\t\n\r])\p{C}/gu;

function bertNormalizer(step: Json, where: string): TextStep {
  const flag = (key: string, fallback: boolean): boolean => asFlag(step[key], fallback, `${where}.${key}`);
  const isLower = flag("lowercase", true);
  const isBare = flag("strip_accents", isLower);
  const [isClean, splitsChinese] = [flag("clean_text", true), flag("handle_chinese_chars", true)];
  const spaces = new RegExp(`[${unicodeSpaces}]`, "gu");
  return (text) => {
    let result = isClean ? text.replace(controls, "").replace(spaces, " ") : text;
    if (splitsChinese) result = result.replace(chinese, " $& ");
    if (isBare) result = result.normalize("NFD").replace(/\p{Mn}/gu, "");
    return isLower ? lowerEach(result) : result;
  };
}

/** A function from a step's settings to the step. */
type StepMaker = (step: Json, where: string) => TextStep;

const makers: Readonly<Record<string, StepMaker>> = {
  NFC: () => (text) => text.normalize("NFC"),
  NFD: () => (text) => text.normalize("NFD"),
  NFKC: () => (text) => text.normalize("NFKC"),
  NFKD: () => (text) => text.normalize("NFKD"),
  Lowercase: () => lowerEach,
  StripAccents: () => (text) => text.replace(/\p{M}/gu, ""),
  Strip: (step, where) => {
    const sides = {
      start: asFlag(step["strip_left"], true, `${where}.strip_left`),
      end: asFlag(step["strip_right"], true, `${where}.strip_right`),
    };
    return (text) => strip(text, space, sides);
  },
  Prepend: (step, where) => {
    const head = asText(step["prepend"], `${where}.prepend`);
    return (text) => (text === "" ? text : head + text);
  },
  Replace: (step, where) => {
    const pattern = patternOf(step["pattern"], `${where}.pattern`);
    const content = asText(step["content"], `${where}.content`);
    return (text) => text.replace(pattern, () => content);
  },
  Precompiled: (step, where) => charsmapNormalizer(step["precompiled_charsmap"], `${where}.precompiled_charsmap`),
  BertNormalizer: bertNormalizer,
  Sequence: (step, where) => {
    const list = asList(step["normalizers"], `${where}.normalizers`);
    const steps = list.map((one, index) => normalizerOf(one, `${where}.normalizers[${index}]`));
    return (text) => steps.reduce((result, apply) => apply(result), text);
  },
};

/** Reads the `normalizer` of a tokenizer.json. @throws ClipError for a step that is not known. */
export function normalizerOf(value: unknown, where: string): TextStep {
  if (value === undefined || value === null) return (text) => text;
  const step = asObject(value, where);
  const type = asText(step["type"], `${where}.type`);
  const maker = Object.hasOwn(makers, type) ? makers[type] : undefined;
  return maker === undefined ? refuseStep(`${where}.type`, type) : maker(step, where);
}
