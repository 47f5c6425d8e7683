import { ClipError } from "@clip-ts/base";
import { flattenTree, type HostArray } from "@clip-ts/core";
import type { Compiler } from "@clip-ts/engines";
import {
  atResolution,
  closing,
  loadHostParams,
  loadModelParams,
  type Model,
  type StoredTower,
} from "@clip-ts/inference";
import type { PairBatch } from "@clip-ts/model";
import { openModel, openTower } from "@clip-ts/node";
import { detectLayout, toFloat32, toInt32, type TensorFile } from "@clip-ts/weights";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Arguments } from "../../cli/command.ts";
import { nameOfOutput, note, onNotice } from "../../cli/output.ts";
import { startNamedEngine } from "../../cli/start-engine.ts";
import { imageSizeOf, noteImageSize } from "../shared/open-model.ts";
import { readPatches } from "../shared/patch-tensors.ts";
import { withTensors, writeTensors } from "../shared/output-files.ts";
import { disposeTensors, gradientTensors, outputTensors, type NamedInputs } from "./outputs.ts";
import { towerTensors } from "./tower.ts";

/** What a model reads, by its name in a batch; only what a file has. */
export type BatchArrays = Partial<Record<keyof PairBatch, HostArray>>;

/** Inputs in host memory. */
interface HostInputs {
  /** As many captions as images, so that there is a loss. */
  readonly arePairs: boolean;
  readonly arrays: BatchArrays;
}

async function readPixels(file: TensorFile): Promise<HostArray> {
  const stored = await file.read("pixel_values");
  if (file.names.includes("spatial_shapes")) return readPatches(file, stored);
  return { data: toFloat32(stored), shape: stored.shape };
}

async function readWhole(file: TensorFile, name: string): Promise<HostArray> {
  const stored = await file.read(name);
  return { data: toInt32(stored), shape: stored.shape };
}

async function readIds(file: TensorFile, vocabSize: number): Promise<HostArray> {
  const ids = await readWhole(file, "input_ids");
  const foreign = ids.data.find((id) => id < 0 || id >= vocabSize);
  if (foreign === undefined) return ids;
  throw new ClipError(
    "bad-data",
    `${file.label}: input_ids holds ${foreign}, but the model knows ids from 0 to ${vocabSize - 1}.`,
    { data: { foreign, vocabSize } },
  );
}

/**
 * Reads `pixel_values` and `input_ids` of a safetensors file, whichever it has, and `attention_mask`
 * where it stands beside ids; other tensors are left alone.
 */
export function readInputs(path: string, vocabSize: number): Promise<HostInputs> {
  return withTensors(path, async (file) => {
    const has = (name: string): boolean => file.names.includes(name);
    if (!has("pixel_values") && !has("input_ids")) {
      const found = file.names.slice(0, 5).join(", ") || "no tensors";
      throw new ClipError("bad-data", `${path} should hold pixel_values or input_ids or both; it holds ${found}.`);
    }
    const rows = (name: string): number | undefined => file.describe(name).shape[0];
    return {
      arePairs: has("pixel_values") && has("input_ids") && rows("pixel_values") === rows("input_ids"),
      arrays: {
        ...(has("pixel_values") && { pixelValues: await readPixels(file) }),
        ...(has("input_ids") && { inputIds: await readIds(file, vocabSize) }),
        ...(has("attention_mask") && { attentionMask: await readWhole(file, "attention_mask") }),
      },
    };
  });
}

/** The model's parameters by path, as arrays where an engine compiles, else as tensors that the caller owns. */
async function loadNamed(model: Model, compiler: Compiler | undefined): Promise<NamedInputs> {
  const load = compiler === undefined ? loadModelParams : loadHostParams;
  return flattenTree<Tensor | HostArray>(await load(model));
}

/** Passes through both towers, or through one of them. */
async function forwardModel(args: Arguments): Promise<void> {
  const [name = "", path = ""] = args.positionals;
  const output = args.text("output") as string;
  const stored = await openModel(name, { onNotice });
  const imageSize = imageSizeOf(args);
  const model = atResolution(stored, imageSize);
  const { config } = model;
  noteImageSize(stored.config, imageSize);
  const { arePairs, arrays } = await readInputs(path, config.text.vocabSize);
  if (args.flag("grads") && !arePairs) {
    throw new ClipError("bad-data", `--grads needs a loss: ${path} should hold as many input_ids as pixel_values.`);
  }
  const { compiler } = await startNamedEngine(args);
  const [params, layout] = await closing(
    stored,
    async ({ weights }) => [await loadNamed(model, compiler), detectLayout((await weights()).names)] as const,
  );
  try {
    const pass = { config, layout, training: args.flag("training"), compiler };
    const outputs = await outputTensors(params, arrays, pass);
    const gradients = args.flag("grads") ? await gradientTensors(params, arrays, pass) : {};
    await writeTensors(output, { ...outputs, ...gradients });
    const count = Object.keys(gradients).length;
    const more = count === 0 ? "" : ` and ${count} gradients`;
    note(`wrote ${Object.keys(outputs).join(", ")}${more} to ${nameOfOutput(output)}`);
  } finally {
    disposeTensors(params);
  }
}

/** Passes through a tower that stands alone. */
async function forwardTower(args: Arguments, stored: StoredTower): Promise<void> {
  const { name: model, tower } = stored;
  const [, path = ""] = args.positionals;
  const output = args.text("output") as string;
  if (imageSizeOf(args) !== undefined) {
    const reason = "--image-size opens whole models only";
    throw new ClipError("bad-argument", `${model} holds one tower alone, and ${reason}.`, {
      data: { model },
    });
  }
  if (args.flag("grads") || args.flag("training")) {
    throw new ClipError(
      "bad-argument",
      `${model} holds one tower alone, which has no loss: leave out --grads and --training.`,
      { data: { model } },
    );
  }
  const vocabSize = tower.side === "text" ? tower.config.vocabSize : Number.POSITIVE_INFINITY;
  const { arrays } = await readInputs(path, vocabSize);
  const { compiler } = await startNamedEngine(args);
  const outputs = await towerTensors(stored, arrays, compiler);
  await writeTensors(output, outputs);
  const names = Object.keys(outputs).join(", ");
  const heads = "heads" in tower.config ? ` with ${tower.config.heads} heads` : "";
  note(`wrote ${names} of a tower${heads} to ${nameOfOutput(output)}`);
}

/** clip-ts forward */
export async function run(args: Arguments): Promise<void> {
  const [model = ""] = args.positionals;
  const tower = await openTower(model, { onNotice });
  return tower === undefined ? forwardModel(args) : forwardTower(args, tower);
}
