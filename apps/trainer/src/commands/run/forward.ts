import { ClipError } from "@clip-ts/base";
import {
  describeModel,
  describeTower,
  factsAtResolution,
  loadHostParams,
  loadModelParams,
  type TowerDescription,
} from "@clip-ts/node";
import { flattenTree, type HostArray } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { onNotice } from "../../cli/notice.ts";
import type { Arguments } from "../../cli/command.ts";
import { nameOfOutput, note } from "../../cli/output.ts";
import { imageSizeOf, noteImageSize } from "../support/image-size.ts";
import { readInputs } from "../support/forward-inputs.ts";
import { gradientTensors, layoutOfModel, outputTensors } from "../support/forward-outputs.ts";
import { towerTensors } from "../support/forward-tower.ts";
import { disposeTensors } from "../support/run-function.ts";
import { startNamedEngine } from "../support/start-engine.ts";
import { writeTensors } from "../support/tensor-files.ts";

/** Passes through both towers, or through one of them. */
async function forwardModel(args: Arguments): Promise<void> {
  const [model = "", path = ""] = args.positionals;
  const output = args.text("output") as string;
  const stored = await describeModel(model, { onNotice });
  const imageSize = imageSizeOf(args);
  const { config } = factsAtResolution(stored, imageSize);
  noteImageSize(stored.config, imageSize);
  const { arePairs, arrays } = await readInputs(path, config.text.vocabSize);
  if (args.flag("grads") && !arePairs) {
    throw new ClipError(
      "bad-data",
      `--grads needs a loss: ${path} should hold as many input_ids as pixel_values.`,
    );
  }
  const { compiler } = await startNamedEngine(args);
  const load = compiler === undefined ? loadModelParams : loadHostParams;
  const weights = await load(model, stored.config, { imageSize });
  const params = flattenTree<Tensor | HostArray>(weights);
  try {
    const layout = await layoutOfModel(model);
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
async function forwardTower(args: Arguments, { tower }: TowerDescription): Promise<void> {
  const [model = "", path = ""] = args.positionals;
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
  const outputs = await towerTensors(model, tower, arrays, compiler);
  await writeTensors(output, outputs);
  const names = Object.keys(outputs).join(", ");
  const heads = "heads" in tower.config ? ` with ${tower.config.heads} heads` : "";
  note(`wrote ${names} of a tower${heads} to ${nameOfOutput(output)}`);
}

/** clip-ts forward */
export async function run(args: Arguments): Promise<void> {
  const [model = ""] = args.positionals;
  const tower = await describeTower(model, { onNotice });
  return tower === undefined ? forwardModel(args) : forwardTower(args, tower);
}
