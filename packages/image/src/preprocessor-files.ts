import { ClipError, sameSize, shownSize, sidesOf } from "@clip-ts/base";
import { asSection, valueOf } from "./json-section.ts";
import {
  describePreprocess,
  isPatches,
  torchvisionPreprocess,
  usualPreprocess,
  usualProcessor,
  type PreprocessConfig,
  type Preprocessing,
  type VisionTraits,
} from "./preprocess-config.ts";
import { hasWords } from "./preprocessor-format.ts";
import { parsePreprocessorConfig } from "./preprocessor-json.ts";

/** A library that prepares pictures by the files that clip-ts writes; others are told what to do by people. */
export type PreprocessReader = "transformers" | "open_clip" | "others";

/** How a library prepares pictures, whatever the files say. */
interface Habits {
  readonly name: string;
  readonly convertRgb?: PreprocessConfig["convertRgb"];
  readonly centerCrop?: PreprocessConfig["centerCrop"];
  /** Whether its files can say how pictures are made to fit. */
  readonly hasFit?: (config: PreprocessConfig) => boolean;
}

const habits: Readonly<Record<PreprocessReader, Habits>> = {
  transformers: {
    name: "transformers",
    convertRgb: "before-resize",
    centerCrop: "floor",
    hasFit: (config) => hasWords(config) && (config.fill ?? 0) === 0,
  },
  open_clip: { name: "open_clip", convertRgb: "after-resize", centerCrop: "half-even", hasFit: isOpenClips },
  others: { name: "Other programs" },
};

const orders = { "before-resize": "before", "after-resize": "after" } as const;
const middles = { floor: "the pixel before", "half-even": "the even pixel" } as const;

function lostAlpha({ alpha }: Preprocessing, { name }: Habits): string[] {
  if (alpha === "drop") return [];
  return [
    `${name} will not lay transparent pixels over the background ${alpha.join(" ")} (clip_ts.alpha): ` +
      "flatten pictures first.",
  ];
}

function lostOrder(own: Preprocessing, { name, convertRgb }: Habits): string[] {
  if (convertRgb === undefined || convertRgb === own.convertRgb) return [];
  return [
    `${name} makes RGB ${orders[convertRgb]} the resize, this model ${orders[own.convertRgb]} it ` +
      "(clip_ts.convert_rgb): pictures with transparency or a palette differ.",
  ];
}

function lostMiddle(own: Preprocessing, { name, centerCrop }: Habits): string[] {
  if (isPatches(own) || (own.resize === "squash" && own.resizeTo === undefined)) return []; // nothing is cropped
  if (centerCrop === undefined || centerCrop === own.centerCrop) return [];
  return [
    `Where the middle starts at half a pixel, ${name} takes ${middles[centerCrop]}, this model ` +
      `${middles[own.centerCrop]} (clip_ts.center_crop): such pictures are shifted by one pixel.`,
  ];
}

/** open_clip resizes to the size that it then crops, by two filters, and by one where it keeps a shape in no square. */
function isOpenClips(config: PreprocessConfig): boolean {
  const { resize, resizeTo, longestEdge, interpolation, size } = config;
  const { height, width } = sidesOf(size);
  const filters = resize === "shortest" && height !== width ? ["bicubic"] : ["bicubic", "bilinear"];
  const isFitted = resize !== "none" && resizeTo === undefined && longestEdge === undefined;
  return isFitted && filters.includes(interpolation);
}

function lostFit(own: Preprocessing, { name, hasFit }: Habits): string[] {
  if (isPatches(own) || hasFit === undefined || hasFit(own)) return [];
  const [fit] = describePreprocess(own).split(", mean ");
  return [`${name} has no words for how this model makes pictures fit (${fit}): prepare them with clip-ts.`];
}

/**
 * What of a preprocessing a library does otherwise, whatever stands in the files that it reads; one sentence
 * for each, none if its pixels are the same.
 */
export function lostPreprocess(config: Preprocessing, reader: PreprocessReader): string[] {
  const theirs = habits[reader];
  return [lostFit, lostAlpha, lostOrder, lostMiddle].flatMap((lost) => lost(config, theirs));
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
): Promise<Preprocessing | undefined> {
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
): Promise<Preprocessing | undefined> {
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
export function usualNotice(place: string, lookedFor: string, usual: Preprocessing): string {
  return (
    `${place}: no ${lookedFor} says how pictures are prepared; taken is what is usual for this kind of ` +
    `model: ${describePreprocess(usual)}.`
  );
}

/** CLIP's families were trained with torchvision's steps; those that squash, with others. */
function untold(model: Model): Preprocessing {
  const usual = usualPreprocess(model);
  return !isPatches(usual) && usual.resize === "shortest" ? torchvisionPreprocess(usual) : usual;
}

/**
 * The same, or what is usual for such a model, which the notice says.
 * @throws ClipError also if the files make pictures of another size than the model takes.
 */
export async function findPreprocess(
  folder: PreprocessorFolder,
  model: Model,
  usual: Preprocessing = untold(model),
): Promise<Preprocessing> {
  const said = await readPreprocessorFiles(folder, model);
  const { own, processor } = preprocessorFiles;
  if (said === undefined) {
    const lookedFor = `${own} and no image_processor in a ${processor}`;
    folder.onNotice(usualNotice(folder.place, lookedFor, usual));
    return usual;
  }
  refuseOtherSizes(folder.place, model, said);
  return said;
}

/** @throws ClipError if files make pictures of another size than the model takes. */
function refuseOtherSizes(place: string, { vision }: Model, said: Preprocessing): void {
  const { own } = preprocessorFiles;
  const { imageSize, kind, patchSize = 0 } = vision;
  if (isPatches(said) !== (kind === "naflex")) {
    const [theirs, ours] = ["rows of patches", "planes of one size"].toSorted(() => (isPatches(said) ? 1 : -1));
    throw new ClipError(
      "bad-config",
      `${place}: the files say that pictures become ${theirs}, but the model takes ${ours}. Correct ` +
        `"image_processor_type" in ${own}.`,
      { data: { place } },
    );
  }
  const [has, takes] = isPatches(said) ? [said.patchSize, patchSize] : [said.size, imageSize];
  if (sameSize(has, takes)) return;
  const [what, key, corrected] = isPatches(said)
    ? (["patches of", "patch_size", '"patch_size"'] as const)
    : (["", "image_size", '"size" and "crop_size"'] as const);
  throw new ClipError(
    "bad-config",
    `${place}: the files say that pictures become ${what === "" ? "" : `${what} `}${shownSize(has)} pixels high and ` +
      `wide, but the model takes ${shownSize(takes)} (${key} in its config). Correct ${corrected} in ${own}.`,
    { data: { place, size: has, imageSize } },
  );
}
