import { ClipError } from "@clip-ts/base";
import {
  asSection,
  checkNotNull,
  flagOf,
  positiveTripleOf,
  refusal,
  tripleOf,
  valueOf,
  type JsonSection,
} from "./json-section.ts";
import { checkPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { checkNoOtherKeys, processorClass, readSizes, type ProcessorClass } from "./preprocessor-keys.ts";
import type { Interpolation } from "./resample-table.ts";

/** Pillow's numbers for the kernels. */
const resampleCodes: Record<Interpolation, number> = { bilinear: 2, bicubic: 3 };

/**
 * The values of a Hugging Face `preprocessor_config.json` that makes transformers and
 * transformers.js do the same. What they have no words for stands under "clip_ts".
 */
export function formatPreprocessorConfig(config: PreprocessConfig): object {
  checkPreprocess(config);
  const { size, alpha, convertRgb, centerCrop } = config;
  const isSquash = config.resize === "squash";
  const own = {
    ...(alpha === "drop" ? {} : { alpha }),
    ...(convertRgb === "before-resize" ? {} : { convert_rgb: convertRgb }),
    ...(centerCrop === "floor" ? {} : { center_crop: centerCrop }),
  };
  return {
    image_processor_type: isSquash ? "SiglipImageProcessor" : "CLIPImageProcessor",
    do_resize: true,
    size: isSquash ? { height: size, width: size } : { shortest_edge: size },
    resample: resampleCodes[config.interpolation],
    do_center_crop: !isSquash,
    ...(isSquash ? {} : { crop_size: { height: size, width: size } }),
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [...config.mean],
    image_std: [...config.std],
    do_convert_rgb: true,
    ...(Object.keys(own).length === 0 ? {} : { clip_ts: own }),
  };
}

/** How a preprocessing file is read. */
export interface ParsePreprocessorOptions {
  /** What messages call it (default "preprocessor_config.json"). */
  readonly file?: string;
  /** The image processor where the file names none (default "CLIPImageProcessor"). */
  readonly usualProcessor?: string;
}

/**
 * Reads the keys of a transformers image processor, also the older forms with plain numbers for
 * sizes. What is left out is as in that processor's class in transformers 5; null is None there.
 * `do_convert_rgb: false` changes nothing: Python then refuses pictures that are not RGB.
 * @throws ClipError "bad-config" for values that make no sense; "unsupported", naming the key, for
 * whatever is not understood: steps that are not done here, other image processors, unknown keys.
 */
export function parsePreprocessorConfig(json: unknown, options: ParsePreprocessorOptions = {}): PreprocessConfig {
  const { file = "preprocessor_config.json", usualProcessor } = options;
  const section = asSection(file, json);
  checkNoOtherKeys(section);
  const usual = classOf(section, usualProcessor);
  flagOf(section, "do_convert_rgb", true);
  checkStepsDone(section);
  return checkPreprocess({
    ...readSizes(section, usual),
    interpolation: parseResample(section, usual),
    ...parseOwn(section),
    ...parseStatistics(section, usual),
  });
}

function classOf(section: JsonSection, usual = "CLIPImageProcessor"): ProcessorClass {
  const key = ["image_processor_type", "feature_extractor_type"].find((name) => valueOf(section, name) !== undefined);
  if (key === undefined && valueOf(section, "auto_map") !== undefined) {
    throw refusal(section, "auto_map", "left out, or image_processor_type beside it");
  }
  if (key === undefined) return processorClass(section.name, "image_processor_type", usual);
  const name = section.json[key];
  if (typeof name === "string") return processorClass(section.name, key, name);
  throw refusal(section, key, "a name", "bad-config");
}

/** Resizing and the way from bytes to 0 … 1 cannot be left out. */
function checkStepsDone(section: JsonSection): void {
  for (const key of ["do_resize", "do_rescale"]) {
    if (!flagOf(section, key, true)) {
      throw refusal(section, key, "true: pictures have any size and bytes from 0 to 255, which models do not take");
    }
  }
  checkNotNull(section, "rescale_factor", "1/255");
  const factor = valueOf(section, "rescale_factor") ?? 1 / 255;
  if (typeof factor === "number" && Math.abs(factor * 255 - 1) < 1e-6) return;
  throw refusal(section, "rescale_factor", "1/255");
}

function parseResample(section: JsonSection, usual: ProcessorClass): Interpolation {
  checkNotNull(section, "resample", "2 (bilinear) or 3 (bicubic)");
  const code = valueOf(section, "resample") ?? resampleCodes[usual.resample];
  if (code === resampleCodes.bicubic) return "bicubic";
  if (code === resampleCodes.bilinear) return "bilinear";
  throw refusal(section, "resample", "2 (bilinear) or 3 (bicubic)");
}

function parseStatistics(section: JsonSection, { statistics }: ProcessorClass): Pick<PreprocessConfig, "mean" | "std"> {
  const isNormalised = flagOf(section, "do_normalize", true);
  if (isNormalised) checkNotNull(section, "image_mean", "three numbers");
  if (isNormalised) checkNotNull(section, "image_std", "three numbers above 0");
  const mean = tripleOf(section, "image_mean", statistics.mean);
  const std = positiveTripleOf(section, "image_std", statistics.std);
  return isNormalised ? { mean, std } : { mean: [0, 0, 0], std: [1, 1, 1] };
}

const ownKeys = ["alpha", "convert_rgb", "center_crop"];

/** What clip-ts alone reads, under "clip_ts". */
function parseOwn(section: JsonSection): Pick<PreprocessConfig, "alpha" | "convertRgb" | "centerCrop"> {
  const own = asSection(`${section.name}, clip_ts`, valueOf(section, "clip_ts") ?? {});
  const other = Object.keys(own.json).find((key) => !ownKeys.includes(key));
  if (other !== undefined) {
    throw new ClipError("unsupported", `${own.name}: "${other}" is not known; expected ${ownKeys.join(", ")}.`, {
      data: { file: own.name, key: other, value: own.json[other] },
    });
  }
  return {
    alpha: valueOf(own, "alpha") === undefined ? "drop" : tripleOf(own, "alpha", [0, 0, 0]),
    convertRgb: choiceOf(own, "convert_rgb", ["before-resize", "after-resize"]),
    centerCrop: choiceOf(own, "center_crop", ["floor", "half-even"]),
  };
}

/** One of a few words, the first if the key is missing. */
function choiceOf<Word extends string>(section: JsonSection, key: string, words: readonly [Word, Word]): Word {
  const value = valueOf(section, key) ?? words[0];
  if (words.includes(value as Word)) return value as Word;
  throw refusal(section, key, words.map((word) => `"${word}"`).join(" or "), "bad-config");
}
