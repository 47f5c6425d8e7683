import { ClipError, type ImageSize } from "@clip-ts/base";
import {
  asSection,
  checkNotNull,
  flagOf,
  isSide,
  positiveTripleOf,
  refusal,
  sideWords,
  tripleOf,
  valueOf,
  type JsonSection,
} from "./json-section.ts";
import {
  checkPreprocess,
  resizeModes,
  type PatchesConfig,
  type PreprocessConfig,
  type Preprocessing,
  type ResizeMode,
} from "./preprocess-config.ts";
import { checkNoOtherKeys, processorClass, type ProcessorClass } from "./preprocessor-keys.ts";
import { readSizes } from "./preprocessor-sizes.ts";
import { resampleCodes } from "./preprocessor-format.ts";
import { interpolations, type Interpolation } from "./resample-table.ts";

/** How a preprocessing file is read. */
export interface ParsePreprocessorOptions {
  /** What messages call it (default "preprocessor_config.json"). */
  readonly file?: string;
  /** The image processor where the file names none (default "CLIPImageProcessor"). */
  readonly usualProcessor?: string;
}

/**
 * Reads the keys of a transformers image processor, also the older forms with plain numbers for
 * sizes. What is left out is as in that processor's class in transformers 5; null is None there. Factors and offsets
 * other than 1/255 become part of mean and deviation.
 * `do_convert_rgb: false` changes nothing: Python then refuses pictures that are not RGB.
 * @throws ClipError "bad-config" for values that make no sense; "unsupported", naming the key, for
 * whatever is not understood: steps that are not done here, other image processors, unknown keys.
 */
export function parsePreprocessorConfig(json: unknown, options: ParsePreprocessorOptions = {}): Preprocessing {
  const { file = "preprocessor_config.json", usualProcessor } = options;
  const section = asSection(file, json);
  const usual = classOf(section, usualProcessor);
  checkNoOtherKeys(section, usual);
  flagOf(section, "do_convert_rgb", true);
  const common = { interpolation: parseResample(section, usual), ...parseStatistics(section, usual) };
  if (usual.makesPatches)
    return checkPreprocess({ ...parsePatches(section), ...common, ...parseShared(ownSection(section, sharedKeys)) });
  return checkPreprocess({ ...readSizes(section, usual), ...common, ...parseOwn(section) });
}

/** Sizes of `Siglip2ImageProcessor`. */
function parsePatches(section: JsonSection): Pick<PatchesConfig, "kind" | "patchSize" | "maxPatches"> {
  if (!flagOf(section, "do_resize", true)) {
    throw refusal(section, "do_resize", "true: sides must become whole patches, no more than max_num_patches");
  }
  if (flagOf(section, "do_pad", false)) throw refusal(section, "do_pad", "false");
  const positive = (key: string, usual: number): number => {
    const value = valueOf(section, key) ?? usual;
    if (isSide(value)) return value;
    throw refusal(section, key, sideWords, "bad-config");
  };
  return { kind: "patches", patchSize: positive("patch_size", 16), maxPatches: positive("max_num_patches", 256) };
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

const filters = interpolations.map((name) => `${resampleCodes[name]} (${name})`).join(", ");

function parseResample(section: JsonSection, usual: ProcessorClass): Interpolation {
  checkNotNull(section, "resample", `one of ${filters}`);
  const code = valueOf(section, "resample") ?? resampleCodes[usual.resample];
  const found = interpolations.find((name) => resampleCodes[name] === code);
  if (found !== undefined) return found;
  throw refusal(section, "resample", `one of ${filters}`);
}

/** What bytes / 255 are multiplied by before they are normalised. */
function scaleOf(section: JsonSection): number {
  if (!flagOf(section, "do_rescale", true)) return 255;
  checkNotNull(section, "rescale_factor", "a number above 0");
  const factor = valueOf(section, "rescale_factor") ?? 1 / 255;
  if (typeof factor !== "number" || !(factor > 0) || !Number.isFinite(factor)) {
    throw refusal(section, "rescale_factor", "a number above 0", "bad-config");
  }
  const scale = factor * 255;
  return Math.abs(scale - 1) < 1e-6 ? 1 : scale; // 1/255 in fewer digits is meant as such
}

/** Whether 1 is taken off rescaled values, and normalised ones are divided by the deviation once more. */
function topOf(
  section: JsonSection,
  { readsTop = false }: ProcessorClass,
): { offset: number; isDividedTwice: boolean } {
  if (!readsTop) return { offset: 0, isDividedTwice: false };
  const isOffset = flagOf(section, "rescale_offset", false) && flagOf(section, "do_rescale", true);
  return { offset: isOffset ? 1 : 0, isDividedTwice: flagOf(section, "include_top", true) };
}

/** Mean and deviation that do all of it to bytes / 255: rescaling, an offset, normalising once or twice. */
function parseStatistics(section: JsonSection, usual: ProcessorClass): Pick<Preprocessing, "mean" | "std"> {
  const isNormalised = flagOf(section, "do_normalize", true);
  const { offset, isDividedTwice } = topOf(section, usual);
  if (isNormalised) checkNotNull(section, "image_mean", "three numbers");
  if (isNormalised || isDividedTwice) checkNotNull(section, "image_std", "three numbers above 0");
  const mean = tripleOf(section, "image_mean", usual.statistics.mean);
  const std = positiveTripleOf(section, "image_std", usual.statistics.std);
  const scale = scaleOf(section);
  const center = isNormalised ? mean : ([0, 0, 0] as const);
  const [red, green, blue] = std.map((own) => (isNormalised ? own : 1) * (isDividedTwice ? own : 1));
  const scaled = (value: number): number => value / scale;
  return {
    mean: [scaled(center[0] + offset), scaled(center[1] + offset), scaled(center[2] + offset)],
    std: [scaled(red!), scaled(green!), scaled(blue!)],
  };
}

/** What stands under "clip_ts" for pictures of either form. */
const sharedKeys = ["alpha", "convert_rgb"];

const ownKeys = [...sharedKeys, "center_crop", "resize", "resize_to", "fill"];

/** A value of a few that a key may have, none if it is missing. */
function optionOf<Value>(
  own: JsonSection,
  key: string,
  isOne: (value: unknown) => boolean,
  words: string,
): Value | undefined {
  const value = valueOf(own, key);
  if (value === undefined || isOne(value)) return value as Value | undefined;
  throw refusal(own, key, words, "bad-config");
}

const isPair = (value: unknown): boolean => Array.isArray(value) && value.length === 2 && value.every(isSide);

/** Fits that transformers has no words for: they stand in the place of what the file's other keys say. */
function parseOwnFit(own: JsonSection): Partial<Pick<PreprocessConfig, "resize" | "resizeTo" | "fill">> {
  const modes = resizeModes.map((mode) => `"${mode}"`).join(" or ");
  const isMode = (value: unknown): boolean => resizeModes.includes(value as ResizeMode);
  const resize = optionOf<ResizeMode>(own, "resize", isMode, modes);
  const resizeTo = optionOf<ImageSize>(own, "resize_to", (value) => isSide(value) || isPair(value), sideWords);
  const fill = optionOf<number>(own, "fill", (value) => typeof value === "number", "a number");
  return {
    ...(resize !== undefined && { resize }),
    ...(resizeTo !== undefined && { resizeTo }),
    ...(fill !== undefined && { fill }),
  };
}

/** What stands under "clip_ts". @throws ClipError "unsupported" for other keys than the known ones. */
function ownSection(section: JsonSection, known: readonly string[]): JsonSection {
  const own = asSection(`${section.name}, clip_ts`, valueOf(section, "clip_ts") ?? {});
  const other = Object.keys(own.json).find((key) => !known.includes(key));
  if (other === undefined) return own;
  throw new ClipError("unsupported", `${own.name}: "${other}" is not known; expected ${known.join(", ")}.`, {
    data: { file: own.name, key: other, value: own.json[other] },
  });
}

function parseShared(own: JsonSection): Pick<Preprocessing, "alpha" | "convertRgb"> {
  return {
    alpha: valueOf(own, "alpha") === undefined ? "drop" : tripleOf(own, "alpha", [0, 0, 0]),
    convertRgb: choiceOf(own, "convert_rgb", ["before-resize", "after-resize"]),
  };
}

/** What clip-ts alone reads, under "clip_ts". */
function parseOwn(
  section: JsonSection,
): Pick<PreprocessConfig, "alpha" | "convertRgb" | "centerCrop"> & ReturnType<typeof parseOwnFit> {
  const own = ownSection(section, ownKeys);
  return {
    ...parseOwnFit(own),
    ...parseShared(own),
    centerCrop: choiceOf(own, "center_crop", ["floor", "half-even"]),
  };
}

/** One of a few words, the first if the key is missing. */
function choiceOf<Word extends string>(section: JsonSection, key: string, words: readonly [Word, Word]): Word {
  const value = valueOf(section, key) ?? words[0];
  if (words.includes(value as Word)) return value as Word;
  throw refusal(section, key, words.map((word) => `"${word}"`).join(" or "), "bad-config");
}
