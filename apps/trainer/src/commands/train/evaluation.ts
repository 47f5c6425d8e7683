import { ClipError } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import type { LeftOut, MaxSkipped, PairSource } from "@clip-ts/data";
import { singleProcess, type Communicator } from "@clip-ts/distributed";
import type { Compiler } from "@clip-ts/engines";
import { retrievalLoss, type RetrievalResult, type ZeroShotResult } from "@clip-ts/evaluation";
import type { Preprocessing } from "@clip-ts/image";
import { engineTowers, type ModelDescription } from "@clip-ts/inference";
import type { Clip } from "@clip-ts/model";
import type { TrainedModels } from "@clip-ts/training";
import { openSource } from "../../config/sources.ts";
import { listClasses, readTemplates, type ListedClasses } from "../shared/class-folders.ts";
import { captionedImages, classImages, countImages } from "../shared/images.ts";
import { limitSkipped, withUnreadable } from "../shared/left-out.ts";
import { withClip } from "../shared/open-model.ts";
import { retrievalOfRanks, zeroShotOfRanks } from "../../distributed/shared-evaluation.ts";
import type { EvaluationOptions, RetrievalOptions } from "../../config/options.ts";

/** Numbers by name, such as `retrieval.meanRecallAt1`; those of the moving average begin with `ema.`. */
export type Evaluation = Readonly<Record<string, number>>;

const recalls = ["recallAt1", "recallAt5", "recallAt10", "medianRank"] as const;
const directions = ["imageToText", "textToImage"] as const;
const accuracies = ["top1", "top5", "meanPerClass"] as const;

const bothWays = directions.flatMap((way) => recalls.map((name) => [way, name] as const));

/** What `retrievalNumbers` reports. */
const retrievalNames: readonly string[] = [
  ...bothWays.map(([way, name]) => `retrieval.${way}.${name}`),
  "retrieval.meanRecallAt1",
  "retrieval.loss",
];

/** What `zeroShotNumbers` reports. */
const zeroShotNames: readonly string[] = accuracies.map((name) => `zeroShot.${name}`);

/** The numbers of a search to follow. */
export function retrievalNumbers({
  report,
  meanRecallAt1,
}: Pick<RetrievalResult, "report" | "meanRecallAt1">): Evaluation {
  const scores = bothWays.map(([way, name]) => [`retrieval.${way}.${name}`, report[way][name]]);
  return { ...Object.fromEntries(scores), "retrieval.meanRecallAt1": meanRecallAt1 };
}

/** The numbers of a zero-shot classification to follow. */
function zeroShotNumbers({ scores }: Pick<ZeroShotResult, "scores">): Evaluation {
  return Object.fromEntries(accuracies.map((name) => [`zeroShot.${name}`, scores[name]]));
}

/** Evaluates the models of a run, as often as wanted. */
export interface Evaluator {
  /** Steps between evaluations. */
  readonly every: number;
  /** Borrows the models. */
  readonly evaluate: (models: TrainedModels) => Promise<Evaluation>;
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

/** Every number that evaluation will report; none without any. */
export function evaluatedNames(options: EvaluationOptions | undefined): string[] {
  const names = [
    ...(options?.retrieval === undefined ? [] : retrievalNames),
    ...(options?.zeroShot === undefined ? [] : zeroShotNames),
  ];
  const both = options?.ofAverage === true;
  return both ? [...names, ...names.map((name) => `ema.${name}`)] : names;
}

function retrievalMeasure(
  source: PairSource,
  { captions, limit }: RetrievalOptions,
  { preprocessing, maxSkipped, batchSize, ranks }: MeasureOptions,
): Measure {
  const pairs = captionedImages(source, preprocessing, limit);
  const onSkip = limitSkipped(source.label, pairs.length, maxSkipped);
  const unlisted = source.leftOut ?? [];
  let leftOut = unlisted;
  const measure = async (clip: Clip<Float32Array>): Promise<Evaluation> => {
    const found = await retrievalOfRanks(ranks, clip, { pairs, captions, onSkip });
    leftOut = withUnreadable(unlisted, found.skipped);
    const { logitScale, logitBias } = clip;
    const loss = retrievalLoss(found, { batchSize, logitScale, logitBias });
    return { ...retrievalNumbers(found), "retrieval.loss": loss };
  };
  return { what: "retrieval", of: measure, leftOut: () => leftOut };
}

function zeroShotMeasure(
  listed: ListedClasses,
  templates: readonly string[],
  { preprocessing, maxSkipped, ranks }: MeasureOptions,
): Measure {
  const classes = classImages(listed, preprocessing);
  const onSkip = limitSkipped("zero-shot evaluation", countImages(listed), maxSkipped);
  let { leftOut } = listed;
  const measure = async (clip: Clip<Float32Array>): Promise<Evaluation> => {
    const found = await zeroShotOfRanks(ranks, clip, { classes, templates, onSkip });
    leftOut = withUnreadable(listed.leftOut, found.images.skipped);
    return zeroShotNumbers(found);
  };
  return { what: "zero-shot", of: measure, leftOut: () => leftOut };
}

/** What all measures have in common. */
interface MeasureOptions {
  readonly preprocessing: Preprocessing;
  readonly maxSkipped: MaxSkipped | undefined;
  /** Pairs that a loss compares. */
  readonly batchSize: number;
  /** Those who embed parts of the images and captions. */
  readonly ranks: Communicator;
}

/** Opens what a run evaluates on, so that a missing file is found before training. */
async function openMeasures(
  { retrieval: pairs, zeroShot: folders, seed }: EvaluationOptions,
  options: MeasureOptions,
): Promise<Measure[]> {
  const measures: Measure[] = [];
  if (pairs !== undefined) {
    const { data } = pairs;
    if (data.kind === "tensors") {
      throw new ClipError("bad-config", '"evaluate.retrieval.data": tensors have no captions.');
    }
    const source = await openSource(data, seed, options.maxSkipped);
    measures.push(retrievalMeasure(source, pairs, options));
  }
  if (folders !== undefined) {
    const classes = await listClasses(folders.folder, folders);
    measures.push(zeroShotMeasure(classes, await readTemplates(folders.templates), options));
  }
  return measures;
}

/**
 * Sets up the evaluations of a run; undefined if there are none. With a compiler the towers are compiled
 * at the first evaluation, once for all of them. The caller disposes it.
 * @throws ClipError "bad-config" for tensors, which have no captions to retrieve.
 */
export async function openEvaluation(
  options: EvaluationOptions | undefined,
  description: ModelDescription,
  {
    compiler,
    ranks = singleProcess(),
  }: { readonly compiler: Pick<Compiler, "target"> | undefined; readonly ranks?: Communicator },
): Promise<Evaluator | undefined> {
  if (options === undefined) return undefined;
  const { every, ofAverage, background, maxSkipped, batchSize } = options;
  const { preprocess: own } = description;
  const preprocessing = background === undefined ? own : { ...own, alpha: background };
  const measures = await openMeasures(options, { preprocessing, maxSkipped, batchSize, ranks });
  const towers = engineTowers(description.config, compiler);
  const measureAll = async (leaves: HostArrays): Promise<Evaluation> => {
    const embedder = await towers.withWeights(leaves);
    return withClip({ description, embedder }, async (clip) => {
      const parts: Evaluation[] = [];
      for (const measure of measures) parts.push(await measure.of(clip));
      return Object.assign({}, ...parts) as Evaluation;
    });
  };
  return {
    every,
    async evaluate({ model, ema }) {
      const plain = await measureAll(model);
      if (ema === undefined || !ofAverage) return plain;
      const averaged = Object.entries(await measureAll(ema));
      return {
        ...plain,
        ...Object.fromEntries(averaged.map(([name, value]) => [`ema.${name}`, value])),
      };
    },
    leftOut: () => measures.map(({ what, leftOut }) => ({ what, leftOut: leftOut() })),
    dispose: () => towers.dispose(),
  };
}
