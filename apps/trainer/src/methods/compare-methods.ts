import { existsSync } from "node:fs";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { countParams } from "@clip-ts/core";
import { retrieval } from "@clip-ts/evaluation";
import type { StartedEngine } from "@clip-ts/engines";
import { loadEmbedder, loadHostParams } from "@clip-ts/inference";
import { listCheckpoints, writeModel } from "@clip-ts/node";
import { clipSpec } from "@clip-ts/model";
import { interpolateWeights } from "@clip-ts/optim";
import { planTraining } from "@clip-ts/training";
import { openModel } from "@clip-ts/node";
import { closing } from "@clip-ts/inference";
import { storedModel } from "@clip-ts/node";
import { note } from "../cli/output.ts";
import { percent, table } from "../cli/table.ts";
import { limitSkipped } from "../commands/support/left-out.ts";
import { openRunModel } from "../config/model.ts";
import { openSource } from "../config/sources.ts";
import { captionedImages } from "../evaluation/images-of.ts";
import { retrievalNumbers, type Evaluation } from "../evaluation/numbers.ts";
import { withClip } from "../evaluation/with-clip.ts";
import { runTraining } from "../training/run-training.ts";
import { methodRun, type Method, type MethodOptions } from "./methods.ts";

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
async function heldOut(
  name: string,
  locale: string,
  { started, limit }: Comparison,
): Promise<Evaluation> {
  const model = await openModel(name);
  const source = await openSource({ kind: "emoji", vendors: ["fluent"], locales: [locale] }, 0);
  const onWhite = { ...model.preprocess, alpha: [255, 255, 255] as const };
  const pairs = captionedImages(source, onWhite, limit);
  const onSkip = limitSkipped(source.label, pairs.length, undefined);
  const embedder = await closing(model, () => loadEmbedder(model, started.compiler));
  return withClip(model, embedder, async (clip) =>
    retrievalNumbers(await retrieval(clip, pairs, { captions: "first", onSkip })),
  );
}

async function bothLanguages(
  model: string,
  comparison: Comparison,
): Promise<Pick<MethodResult, "english" | "german">> {
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
  const { interrupted, step } = await runTraining(options, { engine: started, resume: isBegun });
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
    ...[english, german].flatMap((found) =>
      shown.map((name) => percent(found[name] ?? Number.NaN)),
    ),
  ]);
  return table([header, ...rows]);
}
