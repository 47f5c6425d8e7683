import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { isModelFile, weightsFiles } from "@clip-ts/base";
import { resolveModel } from "./open-model.ts";

const graphFile = /\.onnx(_data(_\d+)?)?$/u;

/** The files of a folder that make its model what it is: weights, or where there are none the graphs in `onnx/`. */
export async function modelFilesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter(isModelFile).toSorted();
  const hasWeights = names.some((name) => weightsFiles.includes(name) || /\.(safetensors|bin)$/u.test(name));
  if (hasWeights || !existsSync(join(folder, "onnx"))) return names;
  const graphs = (await readdir(join(folder, "onnx"))).filter((name) => graphFile.test(name)).toSorted();
  return [...names, ...graphs.map((name) => `onnx/${name}`)];
}

/**
 * SHA-256 of all files of a model, weights in full, in hexadecimal: two models that share it give the same features.
 * @throws ClipError as `resolveModel` does.
 */
export async function hashModel(model: string): Promise<string> {
  const path = await resolveModel(model);
  const isFile = (await stat(path)).isFile();
  const names = isFile ? [basename(path)] : await modelFilesIn(path);
  const hash = createHash("sha256");
  for (const name of names) {
    const file = isFile ? path : join(path, name);
    hash.update(`${name}\0${(await stat(file)).size}\0`);
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}
