// @ts-check
// The model that every side runs: drawn once by clip-ts, then written under the names that each reads.
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { flattenTree } from "@clip-ts/core";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { startEngine } from "@clip-ts/engines";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "@clip-ts/node";
import { dispose } from "@tensorflow/tfjs-core";

/** @typedef {import("@clip-ts/inference").ModelDescription} ModelDescription */

const program = join(dirname(fileURLToPath(import.meta.resolve("@clip-ts/trainer/package.json"))), "bin", "clip-ts.js");

/**
 * Draws a model of a built-in size and writes it as a Hugging Face style folder.
 * @param {string} name
 * @param {string} folder
 * @returns {Promise<ModelDescription>}
 */
export async function drawModel(name, folder) {
  await startEngine("cpu");
  const config = preset(name);
  const preprocess = clipPreprocess(config.vision.imageSize);
  const description = { config, preprocess, ...tokenizerFor(config) };
  const params = initClip(config, 0);
  await writeModel(folder, description, params);
  dispose(Object.values(flattenTree(params)));
  return description;
}

/**
 * Rewrites a model as `clip-ts convert` does.
 * @param {string} model
 * @param {string} output
 * @param {"openai" | "onnx"} target
 */
export async function convertModel(model, output, target) {
  const args = [program, "convert", model, output, "--to", target];
  await promisify(execFile)(process.execPath, args);
}
