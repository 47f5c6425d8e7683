import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { chooseGraphs, graphFolder, isModelFile, listsGraphs, weightsFiles, type WeightsDtype } from "@clip-ts/base";
import { resolveModel, type ResolveOptions } from "./open-model.ts";

const graphFile = /\.onnx(_data(_\d+)?)?$/u;

/** The files of a folder that make its model what it is: weights, or where there are none the graphs in `onnx/`. */
export async function modelFilesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter(isModelFile).toSorted();
  const hasWeights = names.some((name) => weightsFiles.includes(name) || /\.(safetensors|bin)$/u.test(name));
  if (hasWeights || !existsSync(join(folder, graphFolder))) return names;
  const graphs = (await readdir(join(folder, graphFolder))).filter((name) => graphFile.test(name)).toSorted();
  return [...names, ...graphs.map((name) => `${graphFolder}/${name}`)];
}

/** The files of a folder of graphs, without graphs of other precisions. */
function withoutOtherGraphs(files: readonly string[], folder: string, dtype: WeightsDtype | undefined): string[] {
  const graphs = new Set(chooseGraphs(files, folder, { dtype }));
  return files.filter((name) => !name.startsWith(`${graphFolder}/`) || graphs.has(name));
}

/**
 * SHA-256 of all files of a model, weights in full, in hexadecimal: two models that share it give the same features. Of
 * one that is stored as graphs, those of `dtype` count, or the most exact that are there.
 * @throws ClipError as `resolveModel` does.
 */
export async function hashModel(model: string, { dtype }: Pick<ResolveOptions, "dtype"> = {}): Promise<string> {
  const path = await resolveModel(model, { dtype });
  const isFile = (await stat(path)).isFile();
  const files = isFile ? [basename(path)] : await modelFilesIn(path);
  const names = listsGraphs(files) ? withoutOtherGraphs(files, path, dtype) : files;
  const hash = createHash("sha256");
  for (const name of names) {
    const file = isFile ? path : join(path, name);
    hash.update(`${name}\0${(await stat(file)).size}\0`);
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}
