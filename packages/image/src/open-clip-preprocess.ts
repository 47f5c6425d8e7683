import { sidesOf, type ImageSize } from "@clip-ts/base";
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
import { clipPreprocess, torchvisionPreprocess, type PreprocessConfig, type ResizeMode } from "./preprocess-config.ts";
import type { Interpolation } from "./resample-table.ts";

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
}

/** Only "longest" fills anything. */
function fillOf(section: JsonSection, resize: ResizeMode): { fill?: number } {
  const fill = valueOf(section, "fill_color") ?? 0;
  if (typeof fill !== "number" || !(fill >= 0 && fill <= 255)) {
    throw refusal(section, "fill_color", "a number from 0 to 255", "bad-config");
  }
  return resize === "longest" && fill >= 1 ? { fill: Math.trunc(fill) } : {};
}

/** "random" is for training; open_clip evaluates it by the bicubic filter, and whatever keeps its shape in no square. */
function filterOf(section: JsonSection, { size, resize }: Pick<PreprocessConfig, "size" | "resize">): Interpolation {
  const filter = wordOf(section, "interpolation", {
    bicubic: "bicubic",
    bilinear: "bilinear",
    random: "bicubic",
  } as const);
  const { height, width } = sidesOf(size);
  return resize === "shortest" && height !== width ? "bicubic" : filter;
}

/**
 * Reads the `preprocess_cfg` of an `open_clip_config.json` for a model that takes images of `imageSize`
 * pixels; what it leaves out is as for OpenAI's models, as open_clip itself takes it.
 * @throws ClipError "bad-config" or "unsupported", naming the key, for values and keys that are not understood.
 */
export function parseOpenClipPreprocess(json: unknown, imageSize: ImageSize): PreprocessConfig {
  const section = asSection("open_clip_config.json, preprocess_cfg", json);
  const usual = torchvisionPreprocess(clipPreprocess(imageSize));
  const other = Object.keys(section.json).find((key) => !known.includes(key) && valueOf(section, key) !== undefined);
  if (other !== undefined) throw refusal(section, other, `left out: known are ${known.join(", ")}`);
  checkSizes(section);
  wordOf(section, "mode", { RGB: "RGB" });
  const resize = wordOf(section, "resize_mode", {
    shortest: "shortest",
    longest: "longest",
    squash: "squash",
  } as const);
  return {
    ...usual,
    resize,
    ...fillOf(section, resize),
    interpolation: filterOf(section, { size: imageSize, resize }),
    mean: tripleOf(section, "mean", usual.mean),
    std: positiveTripleOf(section, "std", usual.std),
  };
}

/**
 * The `preprocess_cfg` that makes open_clip do the same with images that have no alpha; `lostPreprocess` says what it
 * has no words for.
 */
export function formatOpenClipPreprocess(config: PreprocessConfig): object {
  return {
    mean: [...config.mean],
    std: [...config.std],
    interpolation: config.interpolation === "bilinear" ? "bilinear" : "bicubic",
    resize_mode: config.resize === "none" ? "shortest" : config.resize,
    ...(config.resize === "longest" && { fill_color: config.fill ?? 0 }),
  };
}
