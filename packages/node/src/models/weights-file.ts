import { dirname, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { openSharded, openWeights, type TensorFile } from "@clip-ts/weights";
import { openFile, readJson } from "../files.ts";
import { resolveModel } from "./locate-model.ts";
import { findWeights, modelFiles } from "./model-files.ts";

/** Opens a model's weights, one file of any format or shards, for as long as `use` runs. */
export async function withWeights<Result>(
  model: string,
  use: (file: TensorFile) => Promise<Result>,
): Promise<Result> {
  const place = await resolveModel(model);
  const path = findWeights(place) ?? join(place, modelFiles.weights);
  const opened: { close: () => Promise<void> }[] = [];
  const open = async (name: string): ReturnType<typeof openFile> => {
    const source = await openFile(name);
    opened.push(source);
    return source;
  };
  try {
    const file = path.endsWith(".index.json")
      ? await openSharded(await readJson(path), (shard) => open(join(dirname(path), shard)))
      : await openWeights(await open(path), path);
    return await use(file);
  } finally {
    await Promise.all(opened.map((source) => source.close()));
  }
}

/** The shapes of a file's tensors by name. */
export function shapesOf(file: TensorFile): Map<string, readonly number[]> {
  return new Map(file.names.map((name) => [name, file.describe(name).shape]));
}

/** The error for a model of which only one tower is there. */
export function onlyTower(model: string, layout: string): ClipError {
  return new ClipError(
    "unsupported",
    `${model} holds one tower alone (${layout}'s names), which is no whole model. To join it with another, ` +
      'train a model that starts from both: "model.vision" and "model.text" in a run\'s config name them.',
    { data: { model, layout } },
  );
}
