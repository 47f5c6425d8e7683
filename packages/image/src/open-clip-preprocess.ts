import {
  asSection,
  isSide,
  positiveTripleOf,
  refusal,
  sideWords,
  tripleOf,
  valueOf,
  type JsonSection,
} from "./json-section.ts";
import { clipPreprocess, torchvisionPreprocess, type PreprocessConfig } from "./preprocess-config.ts";

/** One of a key's words, the first if it is missing; the others may stand for one of the first two. */
function wordOf<Word extends string>(section: JsonSection, key: string, words: Readonly<Record<string, Word>>): Word {
  const names = Object.keys(words);
  const found = names.find((name) => name === (valueOf(section, key) ?? names[0]));
  if (found !== undefined) return words[found] as Word;
  throw refusal(section, key, names.map((name) => `"${name}"`).join(" or "));
}

const known = ["size", "mode", "mean", "std", "interpolation", "resize_mode", "fill_color"];

/** open_clip takes the model's own size, whatever stands here; it should still be a size. */
function checkSizes(section: JsonSection): void {
  const size = valueOf(section, "size") ?? 224;
  const sides = Array.isArray(size) && size.length === 2 ? size : [size];
  if (!sides.every(isSide)) throw refusal(section, "size", sideWords, "bad-config");
  // Only "longest", which is refused, fills anything.
  const fill = valueOf(section, "fill_color") ?? 0;
  if (typeof fill !== "number") throw refusal(section, "fill_color", "a number", "bad-config");
}

/**
 * Reads the `preprocess_cfg` of an `open_clip_config.json` for a model that takes images of `imageSize`
 * pixels; what it leaves out is as for OpenAI's models, as open_clip itself takes it.
 * @throws ClipError "bad-config" or "unsupported", naming the key, for values and keys that are not understood.
 */
export function parseOpenClipPreprocess(json: unknown, imageSize: number): PreprocessConfig {
  const section = asSection("open_clip_config.json, preprocess_cfg", json);
  const usual = torchvisionPreprocess(clipPreprocess(imageSize));
  const other = Object.keys(section.json).find((key) => !known.includes(key) && valueOf(section, key) !== undefined);
  if (other !== undefined) throw refusal(section, other, `left out: known are ${known.join(", ")}`);
  checkSizes(section);
  wordOf(section, "mode", { RGB: "RGB" });
  return {
    ...usual,
    resize: wordOf(section, "resize_mode", { shortest: "shortest", squash: "squash" }),
    // "random" is for training; open_clip evaluates it by the bicubic kernel.
    interpolation: wordOf(section, "interpolation", {
      bicubic: "bicubic",
      bilinear: "bilinear",
      random: "bicubic",
    }),
    mean: tripleOf(section, "mean", usual.mean),
    std: positiveTripleOf(section, "std", usual.std),
  };
}

/** The `preprocess_cfg` that makes open_clip do the same with images that have no alpha. */
export function formatOpenClipPreprocess(config: PreprocessConfig): object {
  return {
    mean: [...config.mean],
    std: [...config.std],
    interpolation: config.interpolation,
    resize_mode: config.resize,
  };
}
