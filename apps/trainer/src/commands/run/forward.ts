import { ClipError } from "@clip-ts/base";
import { loadHostParams, loadModelParams } from "@clip-ts/inference";
import { flattenTree, type HostArray } from "@clip-ts/core";
import { openModel, openTower } from "@clip-ts/node";
import { atResolution, closing, type Model, type StoredTower } from "@clip-ts/inference";
import type { Compiler } from "@clip-ts/engines";
import { detectLayout } from "@clip-ts/weights";
import type { Tensor } from "@tensorflow/tfjs-core";
import { onNotice } from "../../cli/notice.ts";
import type { Arguments } from "../../cli/command.ts";
import { nameOfOutput, note } from "../../cli/output.ts";
import { imageSizeOf, noteImageSize } from "../support/image-size.ts";
import { readInputs } from "../support/forward-inputs.ts";
import { gradientTensors, outputTensors } from "../support/forward-outputs.ts";
import { towerTensors } from "../support/forward-tower.ts";
import { disposeTensors, type NamedInputs } from "../support/run-function.ts";
import { startNamedEngine } from "../support/start-engine.ts";
import { writeTensors } from "../support/tensor-files.ts";

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
    throw new ClipError(
      "bad-data",
      `--grads needs a loss: ${path} should hold as many input_ids as pixel_values.`,
    );
  }
  const { compiler } = await startNamedEngine(args);
  const [params, layout] = await closing(
    stored,
    async ({ weights }) =>
      [await loadNamed(model, compiler), detectLayout((await weights()).names)] as const,
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
