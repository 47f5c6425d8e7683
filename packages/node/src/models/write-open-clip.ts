import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { formatOpenClipPreprocess } from "@clip-ts/image";
import { formatOpenClipConfig } from "@clip-ts/model";
import { writeJson } from "../files.ts";
import { modelFiles } from "./model-files.ts";
import type { ModelFacts } from "./read-description.ts";

/**
 * Writes the `open_clip_config.json` of a folder that open_clip loads as `local-dir:FOLDER` or from the hub.
 * @throws ClipError if open_clip cannot build the model.
 */
export async function writeOpenClipDescription(
  folder: string,
  { config, preprocess }: ModelFacts,
): Promise<void> {
  const content = {
    ...formatOpenClipConfig(config),
    preprocess_cfg: formatOpenClipPreprocess(preprocess),
  };
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, modelFiles.openClipConfig), content);
}
