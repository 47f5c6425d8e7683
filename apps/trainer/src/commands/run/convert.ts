import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { ExportPrecision } from "@clip-ts/onnx";
import { resolveModel } from "@clip-ts/node";
import { openTower } from "@clip-ts/node";
import { closing, type Model, type StoredTower } from "@clip-ts/inference";
import { onNotice } from "../../cli/notice.ts";
import type { Arguments } from "../../cli/command.ts";
import { precisionsOf, readChanges } from "../support/convert-options.ts";
import { graphExports } from "../support/graph-exports.ts";
import { noteLost } from "../support/note-lost.ts";
import { checkTowerChanges, withChangedModel } from "../support/model-changes.ts";
import { weightTargets, writeConverted } from "../support/write-converted.ts";
import { towerOf, towerTargets, type ConvertedTower } from "../support/write-tower.ts";

async function refuseSameFolder(model: string, output: string): Promise<void> {
  const target = await realpath(output).catch(() => resolve(output));
  if ((await realpath(await resolveModel(model))) !== target) return;
  throw new ClipError("bad-argument", `${output} is the model itself: give another folder.`);
}

/** What writes a target from a whole model. */
function writerOf(
  target: string,
  precisions: readonly ExportPrecision[],
): (model: Model, output: string) => Promise<void> {
  const tower = towerTargets[target];
  if (tower !== undefined)
    return (model, output) => tower.write(output, towerOf(tower.side, model));
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
  const [other, fitting] =
    tower.side === "vision" ? ["text", "torchvision"] : ["vision", "roberta"];
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
  });
}
