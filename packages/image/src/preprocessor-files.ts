import { ClipError } from "@clip-ts/base";
import { describePreprocess } from "./describe-preprocess.ts";
import { asSection, valueOf } from "./json-section.ts";
import { torchvisionPreprocess, type PreprocessConfig } from "./preprocess-config.ts";
import { parsePreprocessorConfig } from "./preprocessor-json.ts";
import { usualPreprocess, usualProcessor, type VisionTraits } from "./usual-preprocess.ts";

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
  /** Hears what is assumed or left aside. */
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
