import type { TensorFile } from "@clip-ts/weights";
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

/** Opens a model, unless it is open, for as long as `use` runs. */
export async function withOpenedModel<Result>(
  model: ExportedModel,
  use: (opened: OpenedModel) => Promise<Result>,
): Promise<Result> {
  if (typeof model !== "string") return use(model);
  const description = await describeModel(model);
  return withWeights(model, (file) => {
    checkOrigin(description.config, model, file);
    return use({ description, file });
  });
}
