import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseTowerConfig } from "@clip-ts/model";
import { readJson } from "../files.ts";
import { isFile, modelFiles } from "./model-files.ts";

/** The parsed files of a folder that may describe its model. */
export interface FolderConfigs {
  /** `config.json`, unless it is another library's and open_clip's stands beside it. */
  readonly own?: unknown;
  /** `open_clip_config.json`; it describes the model where `own` is missing. */
  readonly openClip?: unknown;
}

/** Model types whose `config.json` is understood; open_clip's repositories may hold another for timm. */
const knownTypes: ReadonlySet<unknown> = new Set([
  "clip",
  "siglip",
  "vision-text-dual-encoder",
  "clip-ts",
]);

const isUnderstood = (json: unknown): boolean => {
  const { model_type: type } = (json ?? {}) as Readonly<Record<string, unknown>>;
  return knownTypes.has(type) || parseTowerConfig(json) !== undefined;
};

/** Reads which of its configs describes the model of a folder; neither for a file of weights. */
export async function readConfigs(place: string): Promise<FolderConfigs> {
  const read = async (name: string): Promise<unknown> => {
    const path = join(place, name);
    return !isFile(place) && existsSync(path) ? readJson(path) : undefined;
  };
  const own = await read(modelFiles.config);
  const openClip = await read(modelFiles.openClipConfig);
  const isOwn = own !== undefined && (openClip === undefined || isUnderstood(own));
  return { ...(isOwn && { own }), ...(openClip !== undefined && { openClip }) };
}
