import { ClipError, shown } from "@clip-ts/base";
import {
  asSection,
  checkNotNull,
  flagOf,
  isSide,
  refusal,
  sideWords,
  valueOf,
  type JsonSection,
} from "./json-section.ts";
import { clipStatistics, halfStatistics, type PreprocessConfig } from "./preprocess-config.ts";
import type { ChannelStatistics } from "./planes.ts";
import type { Interpolation } from "./resample-table.ts";

/** Keys that say what is done to pictures. */
const steps: readonly string[] = [
  "do_resize",
  "size",
  "default_to_square",
  "resample",
  "do_center_crop",
  "crop_size",
  "do_rescale",
  "rescale_factor",
  "do_normalize",
  "image_mean",
  "image_std",
  "do_convert_rgb",
  "clip_ts",
];

/** Keys that transformers writes and that change no number: names, and how batches are made. */
const inert: ReadonlySet<string> = new Set([
  "image_processor_type",
  "feature_extractor_type",
  "processor_class",
  "auto_map",
  "device",
  "return_tensors",
  "disable_grouping",
  "image_seq_length",
  "model_input_names",
  "_valid_processor_keys",
  "_valid_kwargs_names",
]);

/** Keys that are fine at one value, and what that is. */
const fixed: Readonly<Record<string, string>> = {
  data_format: "channels_first",
  input_data_format: "channels_last",
};

/** Whether the key asks for nothing: it is not set, or a step that is off. */
function isOff(key: string, value: unknown): boolean {
  return value === undefined || (value === false && /^(do|use)_/u.test(key));
}

/**
 * Whether transformers reads a key in any way that changes numbers cannot be known for keys of processors
 * that are not among the known ones, so these must not ask for anything.
 * @throws ClipError "unsupported" naming the key.
 */
export function checkNoOtherKeys(section: JsonSection): void {
  const hasPadding = flagOf(section, "do_pad", false);
  if (hasPadding) throw refusal(section, "do_pad", "false");
  for (const key of Object.keys(section.json)) checkKey(section, key);
}

function checkKey(section: JsonSection, key: string): void {
  if (steps.includes(key) || inert.has(key) || key === "pad_size") return;
  const value = valueOf(section, key);
  if (isOff(key, value)) return;
  const only = fixed[key];
  if (only !== undefined) {
    if (value === only) return;
    throw refusal(section, key, `"${only}" or left out`);
  }
  throw new ClipError(
    "unsupported",
    `${section.name}: "${key}" is ${shown(value)}, which is not understood. Pictures are prepared ` +
      `by ${steps.join(", ")}; if the model's code does not read this key, remove it.`,
    { data: { file: section.name, key, value } },
  );
}

/** What an image processor of transformers does where its file leaves a key out. */
export interface ProcessorClass {
  readonly size: object;
  readonly cropSize?: object;
  readonly doCenterCrop: boolean;
  /** Whether a plain number for `size` means both sides, or the shortest. */
  readonly defaultToSquare: boolean;
  readonly resample: Interpolation;
  readonly statistics: ChannelStatistics;
}

const square = (length: number): object => ({ height: length, width: length });

const clip: ProcessorClass = {
  size: { shortest_edge: 224 },
  cropSize: square(224),
  doCenterCrop: true,
  defaultToSquare: false,
  resample: "bicubic",
  statistics: clipStatistics,
};
const plain = { size: square(224), doCenterCrop: false, defaultToSquare: true } as const;

/** The defaults of transformers 5's classes, by name. */
const processorClasses: ReadonlyMap<string, ProcessorClass> = new Map([
  ["CLIPImageProcessor", clip],
  ["ChineseCLIPImageProcessor", clip],
  ["BitImageProcessor", clip],
  ["SiglipImageProcessor", { ...plain, defaultToSquare: false, resample: "bicubic", statistics: halfStatistics }],
  ["ViTImageProcessor", { ...plain, resample: "bilinear", statistics: halfStatistics }],
  ["BlipImageProcessor", { ...plain, size: square(384), resample: "bicubic", statistics: clipStatistics }],
  [
    "DeiTImageProcessor",
    {
      size: square(256),
      cropSize: square(224),
      doCenterCrop: true,
      defaultToSquare: true,
      resample: "bicubic",
      statistics: halfStatistics,
    },
  ],
]);

/**
 * The class of a name; the older ending "FeatureExtractor" and the ones for faster or Pillow's own code are
 * the same class. @throws ClipError "unsupported" for a class that is not among them.
 */
export function processorClass(file: string, key: string, name: string): ProcessorClass {
  const base = name.replace(/FeatureExtractor$/u, "ImageProcessor").replace(/(Fast|Pil)$/u, "");
  const found = processorClasses.get(base);
  if (found !== undefined) return found;
  throw new ClipError(
    "unsupported",
    `${file}: "${key}" should be one of ${[...processorClasses.keys()].join(", ")}, got ` +
      `${shown(name)}, which may prepare images in a way of its own.`,
    { data: { file, key, value: name } },
  );
}

type Sizes = Pick<PreprocessConfig, "size" | "resize">;

/** A size in words of dictionaries; numbers and pairs are older forms of it. */
function dictionaryOf(section: JsonSection, key: string, usual: object, isSquare: boolean): object {
  checkNotNull(section, key, "{ shortest_edge } or { height, width }");
  const value = valueOf(section, key) ?? usual;
  if (typeof value === "number") {
    return isSquare ? { height: value, width: value } : { shortest_edge: value };
  }
  if (Array.isArray(value) && value.length === 2) return { height: value[0], width: value[1] };
  return asSection(`${section.name}, ${key}`, value).json;
}

/** One length of a dictionary of sizes. @throws ClipError naming the key. */
function lengthOf(section: JsonSection, key: string, sizes: object): Sizes {
  const known = Object.entries(sizes).filter(([, value]) => value !== null);
  const names = known
    .map(([name]) => name)
    .toSorted()
    .join(" ");
  const [[, first] = []] = known;
  const isSquare = names === "height width" && known[0]?.[1] === known[1]?.[1];
  if (!isSquare && names !== "shortest_edge") {
    throw refusal(section, key, "{ shortest_edge } or { height, width } of one length");
  }
  if (!isSide(first)) throw refusal(section, key, sideWords, "bad-config");
  return { size: first, resize: isSquare ? "squash" : "shortest" };
}

/**
 * How large pictures become. @throws ClipError "unsupported" unless the result is a square of the size to
 * which pictures are resized.
 */
export function readSizes(section: JsonSection, usual: ProcessorClass): Sizes {
  const isSquare = flagOf(section, "default_to_square", usual.defaultToSquare);
  const sizes = lengthOf(section, "size", dictionaryOf(section, "size", usual.size, isSquare));
  if (!flagOf(section, "do_center_crop", usual.doCenterCrop)) {
    if (sizes.resize === "squash") return sizes;
    throw refusal(
      section,
      valueOf(section, "do_center_crop") === undefined ? "size" : "do_center_crop",
      `such that pictures become square: with do_center_crop, or a size of { height, width }`,
    );
  }
  const given = valueOf(section, "crop_size") ?? usual.cropSize;
  if (given === undefined) throw refusal(section, "crop_size", "set, since do_center_crop is true");
  const crop = lengthOf(section, "crop_size", dictionaryOf(section, "crop_size", given, true));
  if (crop.resize === "squash" && crop.size === sizes.size) return sizes;
  throw refusal(
    section,
    "crop_size",
    `${sizes.size} pixels high and wide as size is (${shown(given)} counts where it is left out)`,
  );
}
