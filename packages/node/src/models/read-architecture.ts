import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { ClipError } from "@clip-ts/base";
import { didYouMeanHub, isHubReference } from "../hub/hub-reference.ts";
import { isFile } from "./model-files.ts";
import { readConfigFile, readDescription, type ModelFacts } from "./read-description.ts";
import { resolveModel } from "./locate-model.ts";

/** A model without its weights, and the folder where its tokenizer may lie. */
export interface Architecture extends ModelFacts {
  readonly folder: string;
}

function noSuchConfig(model: string): ClipError {
  return new ClipError(
    "not-found",
    `There is no ${model}: expected a config.json (ours, Hugging Face's or open_clip's), or a folder that holds one.${didYouMeanHub(model)}`,
    { data: { model } },
  );
}

/**
 * Reads what a model is, to train it from scratch: `model` is a `config.json` (ours, Hugging Face's or
 * open_clip's) of any name, or whatever `describeModel` reads. Preprocessing comes from the files beside
 * the config, else it is what is usual for the kind of model.
 * @throws ClipError for a place without a model, or a config that makes no sense.
 */
export async function readArchitecture(model: string): Promise<Architecture> {
  if (!isHubReference(model) && !existsSync(model)) throw noSuchConfig(model);
  const place = await resolveModel(model);
  const folder = isFile(place) ? dirname(place) : place;
  const isConfig = isFile(place) && place.endsWith(".json");
  const facts = isConfig ? await readConfigFile(place) : await readDescription(place);
  return { ...facts, folder };
}
