import { ClipError } from "@clip-ts/base";
import { unflattenLike, type FlatTree } from "@clip-ts/core";
import type { LeftOut, MaxSkipped, PairSource } from "@clip-ts/data";
import { preprocessInTurns, type PreprocessConfig } from "@clip-ts/image";
import { evaluateRetrieval, evaluateZeroShot } from "@clip-ts/evaluation";
import {
  clipSpec,
  createClip,
  eagerEmbedder,
  embedLabels,
  embedReadable,
  type Clip,
  type ClipParams,
  type ImageJob,
} from "@clip-ts/model";
import {
  compileTowers,
  decodeImage,
  needTokenizer,
  type CompiledTowers,
  type Compiler,
  type ModelDescription,
} from "@clip-ts/node";
import { clone, type Tensor } from "@tensorflow/tfjs-core";
import { readFile } from "node:fs/promises";
import { listClasses, type ListedClasses } from "../commands/support/class-folders.ts";
import { limitSkipped, withUnreadable } from "../commands/support/left-out.ts";
import { readTemplates } from "../commands/support/templates.ts";
import type { RunConfig } from "../config/schema.ts";
import { openSource } from "../config/sources.ts";
import type { RunModels } from "./checkpoint-contents.ts";

/** Numbers by name, such as `retrieval.meanRecallAt1`; those of the moving average begin with `ema.`. */
export type Evaluation = Readonly<Record<string, number>>;

/** Evaluates the models of a run, as often as wanted. */
export interface Evaluator {
  /** Borrows the models. */
  readonly evaluate: (models: RunModels) => Promise<Evaluation>;
  /** What the last evaluation left out, by what it measured. */
  readonly leftOut: () => readonly {
    readonly what: string;
    readonly leftOut: readonly LeftOut[];
  }[];
  /** Frees what was compiled for them. */
  readonly dispose: () => void;
}

/** Measures one model; images go in preprocessed. */
interface Measure {
  readonly what: string;
  readonly of: (clip: Clip<Float32Array>) => Promise<Evaluation>;
  /** What the last measurement left out. */
  readonly leftOut: () => readonly LeftOut[];
}

type EvaluationConfig = NonNullable<RunConfig["evaluate"]>;

const recalls = ["recallAt1", "recallAt5", "recallAt10", "medianRank"] as const;
const directions = ["imageToText", "textToImage"] as const;

/** Every number that evaluation will report. */
export function evaluatedNames({ evaluate, ema }: RunConfig): string[] {
  const retrieval = directions.flatMap((way) => recalls.map((name) => `retrieval.${way}.${name}`));
  const names = [
    ...(evaluate?.retrieval === undefined ? [] : [...retrieval, "retrieval.meanRecallAt1"]),
    ...(evaluate?.zeroShot === undefined
      ? []
      : ["top1", "top5", "meanPerClass"].map((name) => `zeroShot.${name}`)),
  ];
  const both = ema !== undefined && evaluate?.ema === true;
  return both ? [...names, ...names.map((name) => `ema.${name}`)] : names;
}

function retrievalMeasure(
  source: PairSource,
  { captions, limit }: NonNullable<EvaluationConfig["retrieval"]>,
  { preprocessing, maxSkipped }: MeasureOptions,
): Measure {
  const records = source.records.slice(0, limit);
  const jobs = records.map((record): ImageJob<Float32Array> => ({
    name: record.key,
    load: async () => preprocessInTurns(await record.loadImage(), preprocessing),
  }));
  const onSkip = limitSkipped(source.label, jobs.length, maxSkipped);
  let leftOut = source.leftOut ?? [];
  const measure = async (clip: Clip<Float32Array>): Promise<Evaluation> => {
    const { features, kept, skipped } = await embedReadable(clip, jobs, { onSkip });
    leftOut = withUnreadable(source.leftOut ?? [], skipped);
    const pairs = kept.flatMap((index, image) => {
      const all = records[index]?.captions ?? [];
      return (captions === "all" ? all : all.slice(0, 1)).map((text) => ({ text, image }));
    });
    const texts = await clip.embedTexts(pairs.map(({ text }) => text));
    const report = evaluateRetrieval(
      features,
      texts,
      pairs.map(({ image }) => image),
    );
    const scores = directions.flatMap((way) =>
      recalls.map((name) => [`retrieval.${way}.${name}`, report[way][name]] as const),
    );
    const { imageToText, textToImage } = report;
    const mean = (imageToText.recallAt1 + textToImage.recallAt1) / 2;
    return { ...Object.fromEntries(scores), "retrieval.meanRecallAt1": mean };
  };
  return { what: "retrieval", of: measure, leftOut: () => leftOut };
}

function zeroShotMeasure(
  { classes, leftOut: unlisted }: ListedClasses,
  templates: readonly string[],
  { preprocessing, maxSkipped }: MeasureOptions,
): Measure {
  const files = classes.flatMap(({ images }, row) => images.map((path) => ({ path, row })));
  const jobs = files.map(({ path }): ImageJob<Float32Array> => ({
    name: path,
    load: async () =>
      preprocessInTurns(await decodeImage(await readFile(path), path), preprocessing),
  }));
  const onSkip = limitSkipped("zero-shot evaluation", jobs.length, maxSkipped);
  let leftOut = unlisted;
  const measure = async (clip: Clip<Float32Array>): Promise<Evaluation> => {
    const labels = await embedLabels(
      clip,
      classes.map(({ name }) => name),
      templates,
    );
    const { features, kept, skipped } = await embedReadable(clip, jobs, { onSkip });
    leftOut = withUnreadable(unlisted, skipped);
    const rows = kept.map((index) => files[index]?.row ?? 0);
    const { top1, top5, meanPerClass } = evaluateZeroShot(features, labels, rows);
    return { "zeroShot.top1": top1, "zeroShot.top5": top5, "zeroShot.meanPerClass": meanPerClass };
  };
  return { what: "zero-shot", of: measure, leftOut: () => leftOut };
}

/** What all measures have in common. */
interface MeasureOptions {
  readonly preprocessing: PreprocessConfig;
  readonly maxSkipped: MaxSkipped | undefined;
}

/** Opens what the config evaluates on, so that a missing file is found before training. */
async function openMeasures(
  { retrieval, zeroShot }: EvaluationConfig,
  options: MeasureOptions,
  seed: number,
): Promise<Measure[]> {
  const measures: Measure[] = [];
  if (retrieval !== undefined) {
    const { data } = retrieval;
    if (data.kind === "tensors") {
      throw new ClipError("bad-config", '"evaluate.retrieval.data": tensors have no captions.');
    }
    const source = await openSource(data, seed, options.maxSkipped);
    measures.push(retrievalMeasure(source, retrieval, options));
  }
  if (zeroShot !== undefined) {
    const classes = await listClasses(zeroShot.folder, zeroShot);
    measures.push(zeroShotMeasure(classes, await readTemplates(zeroShot.templates), options));
  }
  return measures;
}

/** A usable model of copies of the leaves, for as long as `use` runs. */
async function withClip<Result>(
  leaves: FlatTree<Tensor>,
  { config, ...description }: ModelDescription,
  options: {
    readonly towers: CompiledTowers | undefined;
    readonly use: (clip: Clip<Float32Array>) => Promise<Result>;
  },
): Promise<Result> {
  const copies = Object.entries(leaves).map(([path, leaf]) => [path, clone(leaf)] as const);
  const params = unflattenLike(clipSpec(config), Object.fromEntries(copies)) as ClipParams;
  const { towers, use } = options;
  const clip = await createClip<Float32Array>({
    config,
    model: await (towers?.withWeights(params) ?? eagerEmbedder(params, config)),
    tokenize: (texts) =>
      needTokenizer({ config, ...description }).encodeBatch(texts, { multiple: 8 }),
    preprocess: (planes) => planes,
  });
  try {
    return await use(clip);
  } finally {
    clip.dispose();
  }
}

/**
 * Sets up the evaluations that a config asks for; undefined if it asks for none. With a compiler the
 * towers are compiled at the first evaluation, once for all of them. The caller disposes it.
 */
export async function openEvaluation(
  config: RunConfig,
  description: ModelDescription,
  compiler: Pick<Compiler, "target"> | undefined,
): Promise<Evaluator | undefined> {
  const { evaluate, seed } = config;
  if (evaluate === undefined) return undefined;
  const { background, maxSkipped } = config.data;
  const { preprocess: own } = description;
  const preprocessing = background === undefined ? own : { ...own, alpha: background };
  const measures = await openMeasures(evaluate, { preprocessing, maxSkipped }, seed);
  const towers =
    compiler === undefined ? undefined : compileTowers(description.config, compiler.target);
  const measureAll = (leaves: FlatTree<Tensor>): Promise<Evaluation> =>
    withClip(leaves, description, {
      towers,
      async use(clip) {
        const parts: Evaluation[] = [];
        for (const measure of measures) parts.push(await measure.of(clip));
        return Object.assign({}, ...parts) as Evaluation;
      },
    });
  return {
    async evaluate({ model, ema }) {
      const plain = await measureAll(model);
      if (ema === undefined || !evaluate.ema) return plain;
      const averaged = Object.entries(await measureAll(ema));
      return {
        ...plain,
        ...Object.fromEntries(averaged.map(([name, value]) => [`ema.${name}`, value])),
      };
    },
    leftOut: () => measures.map(({ what, leftOut }) => ({ what, leftOut: leftOut() })),
    dispose: () => towers?.dispose(),
  };
}
