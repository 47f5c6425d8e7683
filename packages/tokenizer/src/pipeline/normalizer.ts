import { unicodeSpaces } from "../clean-text.ts";
import { charsmapNormalizer } from "./charsmap.ts";
import { asFlag, asList, asObject, asText, refuseStep, type Json } from "./json.ts";
import { patternOf } from "./pattern.ts";
import { accents, combiningMarks, removedControls } from "./unicode-sets.ts";

/** A key of ours: the compiled map is applied as SentencePiece does. Other libraries read over it. */
export const longestMatch = "clip_ts_longest_match";

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

const controls = new RegExp(`[${removedControls}]`, "gu");
const marks = new RegExp(`[${accents}]`, "gu");
const combining = new RegExp(`[${combiningMarks}]`, "gu");

/** Texts of which BERT changes the case at most. */
const plainAscii = /^[ -~]*$/u;

function bertNormalizer(step: Json, where: string): TextStep {
  const flag = (key: string, fallback: boolean): boolean => asFlag(step[key], fallback, `${where}.${key}`);
  const isLower = flag("lowercase", true);
  const isBare = flag("strip_accents", isLower);
  const [isClean, splitsChinese] = [flag("clean_text", true), flag("handle_chinese_chars", true)];
  const spaces = new RegExp(`[${unicodeSpaces}]`, "gu");
  return (text) => {
    if (plainAscii.test(text)) return isLower ? text.toLowerCase() : text;
    let result = isClean ? text.replace(controls, "").replace(spaces, " ") : text;
    if (splitsChinese) result = result.replace(chinese, " $& ");
    if (isBare) result = result.normalize("NFD").replace(marks, "");
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
  StripAccents: () => (text) => text.replace(combining, ""),
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
  Precompiled: (step, where) =>
    charsmapNormalizer(asText(step["precompiled_charsmap"], `${where}.precompiled_charsmap`), {
      where: `${where}.precompiled_charsmap`,
      takesLongest: asFlag(step[longestMatch], false, `${where}.${longestMatch}`),
    }),
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
