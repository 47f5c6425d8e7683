import { ClipError, shown } from "@clip-ts/base";
import { refusal, valueOf, type JsonSection } from "./json-section.ts";
import { clipStatistics, halfStatistics } from "./preprocess-config.ts";
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
  "do_pad",
  "pad_size",
  "clip_ts",
];

/** Keys that EfficientNet's processor reads besides. */
const topSteps: readonly string[] = ["rescale_offset", "include_top"];

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
  return value === undefined || (value === false && (topSteps.includes(key) || /^(do|use)_/u.test(key)));
}

/**
 * Whether transformers reads a key in any way that changes numbers cannot be known for keys of processors
 * that are not among the known ones, so these must not ask for anything.
 * @throws ClipError "unsupported" naming the key.
 */
export function checkNoOtherKeys(section: JsonSection, kind: Pick<ProcessorClass, "readsTop" | "makesPatches">): void {
  const read = stepsOf(kind);
  for (const key of Object.keys(section.json)) {
    if (!read.includes(key) && !inert.has(key)) checkKey(section, key, read);
  }
}

/** Keys that say what is done to pictures that become rows of patches. */
const patchSteps: readonly string[] = [
  ...steps.filter((key) => !/^(size|default_to_square|do_center_crop|crop_size)$/u.test(key)),
  "patch_size",
  "max_num_patches",
];

function stepsOf({
  readsTop = false,
  makesPatches = false,
}: Pick<ProcessorClass, "readsTop" | "makesPatches">): readonly string[] {
  if (makesPatches) return patchSteps;
  return readsTop ? [...steps, ...topSteps] : steps;
}

function checkKey(section: JsonSection, key: string, known: readonly string[]): void {
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
      `by ${known.join(", ")}; if the model's code does not read this key, remove it.`,
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
  /** Whether pictures become rows of patches and keep their shape. */
  readonly makesPatches?: boolean;
  /** Whether it reads "rescale_offset" and "include_top", the second true by default. */
  readonly readsTop?: boolean;
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
  ["Siglip2ImageProcessor", { ...plain, resample: "bilinear", statistics: halfStatistics, makesPatches: true }],
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
  [
    "EfficientNetImageProcessor",
    {
      size: square(346),
      cropSize: square(289),
      doCenterCrop: false,
      defaultToSquare: true,
      resample: "bicubic",
      statistics: halfStatistics,
      readsTop: true,
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
