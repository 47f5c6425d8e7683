import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { emojiSources, openEmoji } from "../emoji/definition.ts";
import type { PairSource } from "@clip-ts/data";
import type { StartedEngine } from "@clip-ts/engines";
import { closing, loadHostParams } from "@clip-ts/inference";
import { copySelfCheck, listCheckpoints, openModel, writeModel } from "@clip-ts/node";
import { measureStep, rememberImages } from "./calibrate.ts";
import { contactSheet, matchDrawings, matchQueries, queryTable, retrievalTable } from "./matches.ts";
import { withHeldOut, type HeldOut } from "./held-out.ts";
import { drawings, quickstartRecipe, recipeSteps } from "./recipe.ts";
import { onNotice, type Arguments, numberOption } from "@clip-ts/trainer";
import {
  startNamedEngine,
  loadConfig,
  runOptions,
  runTraining,
  drawRunPage,
  type TrainingResult,
  type RunOptions,
} from "@clip-ts/trainer/training";

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Share of the minutes that steps may take; the rest is for compiling and saving. */
const stepsShare = 0.95;

/** The recipe's steps, or as many of them as fit into the minutes given on this machine. */
async function chooseSteps(
  args: Arguments,
  recipe: RunOptions,
  { engine, source }: { readonly engine: StartedEngine; readonly source: PairSource },
): Promise<number> {
  const fixed = numberOption(args, "steps");
  if (fixed !== undefined) return Math.round(fixed);
  const minutes = numberOption(args, "minutes") ?? 5;
  say(`      reading ${source.records.length} drawings …`);
  const stepMs = await measureStep(recipe, engine.compiler, source);
  const fitting = Math.max(20, Math.round((stepsShare * minutes * 60_000) / stepMs));
  const steps = Math.min(recipeSteps, fitting);
  const needed = (steps * stepMs) / 60_000;
  say(
    `      one step takes ${(stepMs / 1000).toFixed(2)} s here: ${steps} steps in about ${needed.toFixed(1)} minutes`,
  );
  return steps;
}

/** The run that a folder's config records. */
async function readRun(stored: string): Promise<RunOptions> {
  return runOptions(await loadConfig(stored, [], emojiSources), emojiSources);
}

/** Trains, or goes on with a run that was interrupted. */
async function trainModel(args: Arguments, run: string, engine: StartedEngine): Promise<TrainingResult> {
  const stored = join(run, "config.yaml");
  if ((await listCheckpoints(run)).length > 0 && existsSync(stored)) {
    say("      going on with the run that is there (--fresh starts anew)");
    return runTraining(await readRun(stored), { resume: true, engine, onEnd: drawRunPage });
  }
  const recipe = (steps: number): RunOptions => quickstartRecipe({ run, engine: engine.name, steps });
  const source = rememberImages(await openEmoji(drawings));
  const steps = await chooseSteps(args, recipe(recipeSteps), { engine, source });
  return runTraining(recipe(steps), { engine, source, onEnd: drawRunPage });
}

/** Writes the trained model, with its proof, as a folder of its own. */
async function exportModel(checkpoint: string, folder: string): Promise<void> {
  const model = await openModel(checkpoint, { onNotice });
  await writeModel(folder, model, await closing(model, loadHostParams));
  await copySelfCheck(model.place, folder);
}

async function showWhatItLearnt(heldOut: HeldOut, sheet: string): Promise<void> {
  const count = heldOut.drawings.length;
  say(`\nHeld-out drawings: ${count} emoji by a vendor the model never saw\n`);
  say(retrievalTable(heldOut));
  const queries = await matchQueries(heldOut, 6);
  say(`\nQueries and their best matches among these drawings\n`);
  say(queryTable(queries));
  const { imageToText, textToImage } = heldOut.report;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const summary =
    `Among ${count} held-out drawings, the right name comes first for ${percent(imageToText.recallAt1)} ` +
    `and is among the first five for ${percent(imageToText.recallAt5)}; the right drawing comes first for ` +
    `${percent(textToImage.recallAt1)} of the names and is among the first five for ${percent(textToImage.recallAt5)}.`;
  const drawings = matchDrawings(heldOut, 5);
  await writeFile(sheet, await contactSheet({ summary, queries, drawings }));
}

/** clip-ts quickstart */
export async function run(args: Arguments): Promise<number> {
  const run = args.text("run") ?? join("runs", "quickstart");
  const [model, sheet] = [join(run, "model"), join(run, "matches.html")];
  if (args.flag("fresh")) await rm(run, { recursive: true, force: true });

  say("[1/3] Train on six sets of emoji drawings");
  const engine = await startNamedEngine(args);
  const result = await trainModel(args, run, engine);
  if (result.interrupted) {
    say(`Stopped after ${result.step} steps and saved. Run the same command to go on.`);
    return 130;
  }
  say("[2/3] Export");
  await exportModel(result.checkpoint, model);
  say(`      ${model}: loads in clip-ts, here and in browsers`);
  say("      clip-ts convert turns it into open_clip's files or ONNX");
  say("[3/3] Test on drawings by another vendor, Fluent Emoji");
  say("      reading them and their names …");
  await withHeldOut(model, engine, (heldOut) => showWhatItLearnt(heldOut, sheet));
  say(`\nNow try\n`);
  say(`  the matches as a page  ${relative(process.cwd(), sheet)}`);
  say("  the model in a browser npm run demo");
  say("  a picture of yours     npx clip-ts classify \\");
  say(`                           ${model} PICTURE --labels dog,cat,car`);
  say("  your own data          docs/training.md");
  return 0;
}
