import { ClipError } from "@clip-ts/base";
import { asSection, valueOf } from "./json-section.ts";
import {
  describePreprocess,
  torchvisionPreprocess,
  usualPreprocess,
  usualProcessor,
  type PreprocessConfig,
  type VisionTraits,
} from "./preprocess-config.ts";
import { parsePreprocessorConfig } from "./preprocessor-json.ts";

/** A library that prepares pictures by the files that clip-ts writes; others are told what to do by people. */
export type PreprocessReader = "transformers" | "open_clip" | "others";

/** How a library prepares pictures, whatever the files say. */
interface Habits {
  readonly name: string;
  readonly convertRgb?: PreprocessConfig["convertRgb"];
  readonly centerCrop?: PreprocessConfig["centerCrop"];
}

const habits: Readonly<Record<PreprocessReader, Habits>> = {
  transformers: { name: "transformers", convertRgb: "before-resize", centerCrop: "floor" },
  open_clip: { name: "open_clip", convertRgb: "after-resize", centerCrop: "half-even" },
  others: { name: "Other programs" },
};

const orders = { "before-resize": "before", "after-resize": "after" } as const;
const middles = { floor: "the pixel before", "half-even": "the even pixel" } as const;

function lostAlpha({ alpha }: PreprocessConfig, { name }: Habits): string[] {
  if (alpha === "drop") return [];
  return [
    `${name} will not lay transparent pixels over the background ${alpha.join(" ")} (clip_ts.alpha): ` +
      "flatten pictures first.",
  ];
}

function lostOrder(own: PreprocessConfig, { name, convertRgb }: Habits): string[] {
  if (convertRgb === undefined || convertRgb === own.convertRgb) return [];
  return [
    `${name} makes RGB ${orders[convertRgb]} the resize, this model ${orders[own.convertRgb]} it ` +
      "(clip_ts.convert_rgb): pictures with transparency or a palette differ.",
  ];
}

function lostMiddle(own: PreprocessConfig, { name, centerCrop }: Habits): string[] {
  if (centerCrop === undefined || centerCrop === own.centerCrop) return [];
  if (own.resize === "squash") return []; // nothing is cropped
  return [
    `Where the middle starts at half a pixel, ${name} takes ${middles[centerCrop]}, this model ` +
      `${middles[own.centerCrop]} (clip_ts.center_crop): such pictures are shifted by one pixel.`,
  ];
}

/**
 * What of a preprocessing a library does otherwise, whatever stands in the files that it reads; one sentence
 * for each, none if its pixels are the same.
 */
export function lostPreprocess(config: PreprocessConfig, reader: PreprocessReader): string[] {
  const theirs = habits[reader];
  return [lostAlpha, lostOrder, lostMiddle].flatMap((lost) => lost(config, theirs));
}

/** Where transformers says how pictures are prepared: alone until version 4, in a section since 5. */
export const preprocessorFiles = {
  own: "preprocessor_config.json",
  processor: "processor_config.json",
} as const;

/** A model's folder, wherever it is. */
export interface PreprocessorFolder {
  /** What messages call it. */
  readonly place: string;
  /** The parsed content of a file; undefined if there is no such file. */
  readonly read: (name: string) => Promise<unknown>;
  /** Hears what is assumed or left out. */
  readonly onNotice: (line: string) => void;
}

/** A vision tower's config, as far as it tells what is usual. */
interface Model {
  readonly vision: VisionTraits;
}

async function parseSection(
  { read }: PreprocessorFolder,
  usual: string | undefined,
): Promise<PreprocessConfig | undefined> {
  const content = await read(preprocessorFiles.processor);
  if (content === undefined) return undefined;
  const json = valueOf(asSection(preprocessorFiles.processor, content), "image_processor");
  if (json === undefined) return undefined;
  const file = `${preprocessorFiles.processor}, image_processor`;
  return parsePreprocessorConfig(json, {
    file,
    ...(usual !== undefined && { usualProcessor: usual }),
  });
}

/**
 * How a folder's files say that pictures are prepared: `preprocessor_config.json`, else the section
 * "image_processor" of `processor_config.json`; undefined if neither does. Where they differ, the notice says
 * so: transformers 5 takes the second, older versions the first.
 * @throws ClipError as `parsePreprocessorConfig`, for either file.
 */
export async function readPreprocessorFiles(
  folder: PreprocessorFolder,
  model?: Model,
): Promise<PreprocessConfig | undefined> {
  const usual = model === undefined ? undefined : usualProcessor(model);
  const json = await folder.read(preprocessorFiles.own);
  const newer = await parseSection(folder, usual);
  if (json === undefined) return newer;
  const own = parsePreprocessorConfig(json, usual === undefined ? {} : { usualProcessor: usual });
  if (newer !== undefined && describePreprocess(own) !== describePreprocess(newer)) {
    folder.onNotice(
      `${folder.place}: ${preprocessorFiles.own} is used (${describePreprocess(own)}), but ` +
        `${preprocessorFiles.processor}, which transformers 5 prefers, differs (${describePreprocess(newer)}). ` +
        "Remove the one that is wrong.",
    );
  }
  return own;
}

/** What a notice says where no file tells how pictures are prepared. */
export function usualNotice(place: string, lookedFor: string, usual: PreprocessConfig): string {
  return (
    `${place}: no ${lookedFor} says how pictures are prepared; taken is what is usual for this kind of ` +
    `model: ${describePreprocess(usual)}.`
  );
}

/** CLIP's families were trained with torchvision's steps; those that squash, with others. */
function untold(model: Model): PreprocessConfig {
  const usual = usualPreprocess(model);
  return usual.resize === "shortest" ? torchvisionPreprocess(usual) : usual;
}

/**
 * The same, or what is usual for such a model, which the notice says.
 * @throws ClipError also if the files make pictures of another size than the model takes.
 */
export async function findPreprocess(
  folder: PreprocessorFolder,
  model: Model,
  usual: PreprocessConfig = untold(model),
): Promise<PreprocessConfig> {
  const said = await readPreprocessorFiles(folder, model);
  const { own, processor } = preprocessorFiles;
  if (said === undefined) {
    const lookedFor = `${own} and no image_processor in a ${processor}`;
    folder.onNotice(usualNotice(folder.place, lookedFor, usual));
    return usual;
  }
  const { imageSize } = model.vision;
  if (said.size === imageSize) return said;
  throw new ClipError(
    "bad-config",
    `${folder.place}: the files say that pictures become ${said.size} pixels wide and high, but the model ` +
      `takes ${imageSize} (image_size in its config). Correct "size" and "crop_size" in ${own}.`,
    { data: { place: folder.place, size: said.size, imageSize } },
  );
}
