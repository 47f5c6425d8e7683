import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import { startEngine } from "@clip-ts/engines";
import { lostPreprocess, type Preprocessing, type PreprocessReader } from "@clip-ts/image";
import { closing, type Model, type StoredTower } from "@clip-ts/inference";
import { exportOnnxFolder, exportSavedModel, openTower, resolveModel } from "@clip-ts/node";
import type { WeightsDtype } from "@clip-ts/onnx";
import type { Arguments } from "../../cli/command.ts";
import { note, onNotice } from "../../cli/output.ts";
import { precisionsOf, readChanges } from "./command.ts";
import { checkTowerChanges, withChangedModel } from "./changes.ts";
import { proveConverted } from "./prove.ts";
import { weightTargets, writeConverted } from "./write.ts";
import { towerOf, towerTargets, type ConvertedTower } from "./write-tower.ts";

/** `convert --to onnx`: a folder that @huggingface/transformers loads. */
export async function convertToOnnx(model: Model, output: string, precisions: readonly WeightsDtype[]): Promise<void> {
  await startEngine("cpu"); // only shapes are traced and small constants folded
  await exportOnnxFolder(model, output, {
    precisions,
    onFile: ({ path, byteLength }) => note(`wrote ${path}, ${(byteLength / 2 ** 20).toFixed(1)} MiB`),
  });
}

/** `convert --to savedmodel`: a SavedModel for TensorFlow Serving. */
export async function convertToSavedModel(model: Model, output: string): Promise<void> {
  await startEngine("cpu"); // only shapes are traced and small constants folded
  const byteLength = await exportSavedModel(model, output);
  note(`wrote saved_model.pb, ${(byteLength / 2 ** 20).toFixed(1)} MiB, to ${output}`);
}

/** Writes a model as graphs that others run; `precisions` are those of `--to onnx`. */
export type GraphExport = (model: Model, output: string, precisions: readonly WeightsDtype[]) => Promise<void>;

/** Targets of `convert` that are graphs, not weights under other names. */
export const graphExports: Readonly<Record<string, GraphExport>> = {
  onnx: convertToOnnx,
  savedmodel: convertToSavedModel,
};

/** Who prepares pictures by what a target of `convert` writes; transformers.js resizes in its own way anyhow. */
const readers: Readonly<Record<string, PreprocessReader>> = {
  hf: "transformers",
  openai: "transformers",
  open_clip: "open_clip",
};

/** Says what a converted model's preprocessing does that readers of the target will not do. */
export function noteLost(target: string, preprocess: Preprocessing | undefined): void {
  if (preprocess === undefined) return;
  for (const sentence of lostPreprocess(preprocess, readers[target] ?? "others")) note(sentence);
}

async function refuseSameFolder(model: string, output: string): Promise<void> {
  const target = await realpath(output).catch(() => resolve(output));
  if ((await realpath(await resolveModel(model))) !== target) return;
  throw new ClipError("bad-argument", `${output} is the model itself: give another folder.`);
}

/** What writes a target from a whole model. */
function writerOf(
  target: string,
  precisions: readonly WeightsDtype[],
): (model: Model, output: string) => Promise<void> {
  const tower = towerTargets[target];
  if (tower !== undefined) return (model, output) => tower.write(output, towerOf(tower.side, model));
  const graph = graphExports[target];
  if (graph !== undefined) return (model, output) => graph(model, output, precisions);
  const weights = weightTargets[target]!;
  return (model, output) => writeConverted(output, weights, model);
}

/** What writes a target from one tower alone. @throws ClipError "unsupported" for whole models' targets. */
function towerWriterOf(
  target: string,
  { name, tower }: StoredTower,
): (opened: ConvertedTower, output: string) => Promise<void> {
  const own = towerTargets[target];
  if (own?.side === tower.side) return (opened, output) => own.write(output, opened);
  const [other, fitting] = tower.side === "vision" ? ["text", "torchvision"] : ["vision", "roberta"];
  throw new ClipError(
    "unsupported",
    `${name} holds a ${tower.side} tower alone, which --to ${fitting} writes, and --to ${target} needs ` +
      `the ${other} tower too. To join the two, train a model that starts from them: "model.vision" and ` +
      '"model.text" in a run\'s config name them.',
    { data: { model: name, target, side: tower.side } },
  );
}

/** clip-ts convert */
export async function run(args: Arguments): Promise<void> {
  const [model = "", output = ""] = args.positionals;
  const target = args.text("to") as string;
  const precisions = precisionsOf(args);
  const changes = readChanges(args);
  await refuseSameFolder(model, output);
  const tower = await openTower(model, { ...changes.inferred, onNotice });
  if (tower !== undefined) {
    const write = towerWriterOf(target, tower);
    checkTowerChanges(tower, changes);
    await closing(tower, (opened) => write(opened, output));
    return noteLost(target, tower.preprocess);
  }
  const write = writerOf(target, precisions);
  const hasImages = towerTargets[target]?.side !== "text";
  return withChangedModel(model, changes, async (opened) => {
    await write(opened, output);
    if (hasImages) noteLost(target, opened.preprocess);
    if (args.text("self-check") === "off" || towerTargets[target] !== undefined) return;
    const isChanged = changes.other !== undefined || changes.imageSize !== undefined;
    await proveConverted({ model: opened, output, isChanged, isReadable: weightTargets[target] !== undefined });
  });
}
