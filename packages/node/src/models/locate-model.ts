import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import { downloadModel, type DownloadOptions } from "../hub/download-model.ts";
import { didYouMeanHub, isHubReference } from "../hub/hub-reference.ts";
import { latestFolders } from "../run-folder.ts";
import { findWeights, isFile, modelFiles } from "./model-files.ts";

function holdsModel(folder: string): boolean {
  const configs = [modelFiles.config, modelFiles.openClipConfig];
  return (
    configs.some((name) => existsSync(join(folder, name))) || findWeights(folder) !== undefined
  );
}

/**
 * Where a model lies on this machine: a file of weights, a model folder, or the latest checkpoint of a
 * run folder.
 * @throws ClipError "not-found" that says what was looked for.
 */
export function locateModel(model: string): string {
  return locate(model, "");
}

function locate(model: string, hint: string): string {
  const path = resolve(model);
  if (isFile(path)) return path;
  const found = [path, ...latestFolders(path)].find(holdsModel);
  if (found !== undefined) return found;
  throw new ClipError(
    "not-found",
    `There is no model in ${model}: expected a folder with ${modelFiles.config} and ${modelFiles.weights} ` +
      `(or open_clip's files), a run folder with a checkpoint, a file of weights, or hf:owner/name.${hint}`,
    { data: { model } },
  );
}

/** The same for any model: one on the Hugging Face hub is downloaded, unless it is there already. */
export async function resolveModel(
  model: string,
  options: Pick<DownloadOptions, "onNotice" | "onProgress"> = {},
): Promise<string> {
  return isHubReference(model)
    ? downloadModel(model, options)
    : locate(model, didYouMeanHub(model));
}
