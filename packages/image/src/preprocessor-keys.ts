import { ClipError, shown } from "@clip-ts/base";
import { flagOf, refusal, valueOf, type JsonSection } from "./json-section.ts";

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
