import { existsSync } from "node:fs";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { countParams } from "@clip-ts/core";
import type { StartedEngine } from "@clip-ts/engines";
import { retrieval } from "@clip-ts/evaluation";
import { writeJson } from "@clip-ts/files";
import { closing, loadEmbedder, loadHostParams } from "@clip-ts/inference";
import { clipSpec } from "@clip-ts/model";
import { listCheckpoints, openModel, storedModel, writeModel } from "@clip-ts/node";
import { interpolateWeights } from "@clip-ts/optim";
import { countOption, note, percent, print, table, type Arguments } from "@clip-ts/trainer";
import {
  captionedImages,
  drawRunPage,
  limitSkipped,
  openRunModel,
  retrievalNumbers,
  runTraining,
  startNamedEngine,
  withClip,
  type Evaluation,
} from "@clip-ts/trainer/training";
import { planTraining } from "@clip-ts/training";
import { openEmoji } from "../emoji/definition.ts";
import { methodRun, methods, withNeeded, type Method, type MethodOptions } from "./methods.ts";

/** What a comparison of methods needs. */
export interface Comparison extends MethodOptions {
  readonly started: StartedEngine;
  readonly chosen: readonly Method[];
  /** At most so many held-out drawings; all of them by default. */
  readonly limit?: number | undefined;
}

/** A row of the table. */
export interface MethodResult {
  readonly name: string;
  readonly title: string;
  /** Values that learn, in millions; none for interpolations. */
  readonly learning?: number;
  readonly english: Evaluation;
  readonly german: Evaluation;
}

/** Retrieval among the drawings of the vendor that no method has seen, by their names in a language. */
async function heldOut(name: string, locale: string, { started, limit }: Comparison): Promise<Evaluation> {
  const model = await openModel(name);
  const source = await openEmoji({ kind: "emoji", vendors: ["fluent"], locales: [locale] });
  const onWhite = { ...model.preprocess, alpha: [255, 255, 255] as const };
  const pairs = captionedImages(source, onWhite, limit);
  const onSkip = limitSkipped(source.label, pairs.length, undefined);
  const embedder = await closing(model, () => loadEmbedder(model, started.compiler));
  return withClip({ description: model, embedder }, async (clip) =>
    retrievalNumbers(await retrieval(clip, pairs, { captions: "first", onSkip })),
  );
}

async function bothLanguages(model: string, comparison: Comparison): Promise<Pick<MethodResult, "english" | "german">> {
  const english = await heldOut(model, "en", comparison);
  return { english, german: await heldOut(model, "de", comparison) };
}

/** Trains a method unless its run is finished, and measures it. */
async function runMethod(method: Method, comparison: Comparison): Promise<MethodResult> {
  const { folderOf, started } = comparison;
  const { name, title } = method;
  const options = methodRun(method, comparison);
  note(`\n${name}: ${title}`);
  const isBegun = (await listCheckpoints(options.run)).length > 0;
  const { interrupted, step } = await runTraining(options, {
    engine: started,
    resume: isBegun,
    onEnd: drawRunPage,
  });
  if (interrupted) {
    throw new ClipError(
      "interrupted",
      `${name} stopped after ${step} of ${options.steps} steps and saved. Run the same command to go on.`,
    );
  }
  const { description } = await openRunModel(options.model);
  const { trained } = planTraining(clipSpec(description.config), options.training);
  const learning = countParams(trained) / 1e6;
  const averaged = join(folderOf(name), "latest", "ema");
  const model = existsSync(averaged) ? averaged : folderOf(name);
  return { name, title, learning, ...(await bothLanguages(model, comparison)) };
}

/** Half-way between the English model and the fully fine-tuned one. */
async function interpolated(comparison: Comparison): Promise<MethodResult> {
  const { folderOf } = comparison;
  const model = await openModel(folderOf("full"));
  const scratch = await storedModel(folderOf("scratch"), model);
  const before = await closing(scratch, loadHostParams);
  const after = await closing(model, loadHostParams);
  await writeModel(folderOf("wise-ft"), model, interpolateWeights(before, after, 0.5));
  const title = "WiSE-FT: half-way to the full fine-tune";
  return { name: "wise-ft", title, ...(await bothLanguages(folderOf("wise-ft"), comparison)) };
}

/** Runs methods one after the other and measures each on drawings that none has seen. */
export async function compareMethods(comparison: Comparison): Promise<MethodResult[]> {
  const results: MethodResult[] = [];
  for (const method of comparison.chosen) results.push(await runMethod(method, comparison));
  if (comparison.chosen.some(({ name }) => name === "full")) {
    results.push(await interpolated(comparison));
  }
  return results;
}

const shown = ["retrieval.imageToText.recallAt1", "retrieval.textToImage.recallAt1"] as const;

/** The figures of every method side by side. */
export function methodsTable(results: readonly MethodResult[]): string {
  const header = ["method", "learns", "en i→t", "en t→i", "de i→t", "de t→i"];
  const rows = results.map(({ title, learning, english, german }) => [
    title,
    learning === undefined ? "" : `${learning.toFixed(2)} M`,
    ...[english, german].flatMap((found) => shown.map((name) => percent(found[name] ?? Number.NaN))),
  ]);
  return table([header, ...rows]);
}

/** clip-ts methods */
export async function run(args: Arguments): Promise<void> {
  const out = args.text("out") ?? "runs/methods";
  const only = args.texts("only");
  const chosen = withNeeded(only.length === 0 ? methods.map(({ name }) => name) : only);
  const started = await startNamedEngine(args);
  const steps = countOption(args, "steps") ?? 1000;
  const folderOf = (name: string): string => join(out, name);
  const limit = countOption(args, "limit");
  const options = { engine: started.name, steps, folderOf, started, chosen, limit };
  const results = await compareMethods(options);
  await writeJson(join(out, "results.json"), { steps, results });
  print(`Recall@1 on drawings of a vendor that was never shown, ${steps} steps each\n\n${methodsTable(results)}`);
}
