import type { HostArrays } from "@clip-ts/core";
import { clipSpec, type ParseOptions } from "@clip-ts/model";
import { loadHostArrays, type TensorFile } from "@clip-ts/weights";
import { describeModel, type ModelDescription } from "../model-folder.ts";
import { checkOrigin } from "../models/check-origin.ts";
import { withWeights } from "../models/weights-file.ts";

/** A model that is open: what describes it, and its weights under the names of any layout. */
export interface OpenedModel {
  readonly description: ModelDescription;
  readonly file: TensorFile;
}

/** What an export takes: a model by its place, or one that is open, maybe changed on its way. */
export type ExportedModel = string | OpenedModel;

/** What describes a model, and its parameters by path. */
interface ReadModel {
  readonly description: ModelDescription;
  readonly params: HostArrays;
}

async function readOpened({ description, file }: OpenedModel): Promise<ReadModel> {
  return { description, params: await loadHostArrays(clipSpec(description.config), file) };
}

/** Reads what an export takes into the host's memory; no engine has to run. */
export async function readExported(
  model: ExportedModel,
  options: ParseOptions = {},
): Promise<ReadModel> {
  if (typeof model !== "string") return readOpened(model);
  const description = await describeModel(model, options);
  return withWeights(model, (file) => {
    checkOrigin(description.config, model, file);
    return readOpened({ description, file });
  });
}
