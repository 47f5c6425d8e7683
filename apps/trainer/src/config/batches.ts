import { existsSync } from "node:fs";
import { ClipError } from "@clip-ts/base";
import {
  createBatches,
  tensorBatches,
  type BatchPart,
  type BatchStream,
  type Cursor,
  type MaxSkipped,
  type NamedArray,
  type PairSource,
  type SkippedImage,
} from "@clip-ts/data";
import { openFile } from "@clip-ts/files";
import type { AugmentConfig, Color, RandomViewConfig } from "@clip-ts/image";
import { needTokenizer, type ModelDescription } from "@clip-ts/inference";
import { lossOf, type ClipConfig } from "@clip-ts/model";
import { openSafetensors, toFloat32, toInt32 } from "@clip-ts/weights";
import { note } from "../cli/output.ts";
import {
  countSamples,
  given,
  isShards,
  openLargeTable,
  openShards,
  type OpenShards,
  type ShardSourceOptions,
} from "./open-shards.ts";
import { openShardBatches, type LoadingOptions } from "./shard-sources.ts";
import { openSource, type SourceOptions, type TableFileOptions, type TensorFileOptions } from "./sources.ts";

/** Every array of a safetensors file. */
async function readArrays(path: string): Promise<Record<string, NamedArray>> {
  const source = await openFile(path);
  try {
    const file = await openSafetensors(source, path);
    const arrays: Record<string, NamedArray> = {};
    for (const name of file.names) {
      const stored = await file.read(name);
      const data = stored.dtype.startsWith("I") ? toInt32(stored) : toFloat32(stored);
      arrays[name] = { shape: stored.shape, data };
    }
    return arrays;
  } finally {
    await source.close();
  }
}

/** Refuses parts that are not of one size, or not of whole micro-batches of one size. */
function checkParts(pairs: number, { of }: BatchPart, accumulate: number, what: string): void {
  if (pairs % (of * accumulate) === 0) return;
  const least = of * accumulate;
  const [below, above] = [Math.floor(pairs / least) * least, Math.ceil(pairs / least) * least];
  const fitting = below === 0 ? `${above}` : `${below} or ${above}`;
  throw new ClipError(
    "bad-config",
    `${what}: ${pairs} pairs do not divide among ${of} ranks${accumulate === 1 ? "" : ` of ${accumulate} micro-batches each`}. ` +
      `Take ${fitting}, or another number of ranks.`,
    { data: { pairs, ranks: of, accumulate } },
  );
}

/** Ready-made batches; a file of single pairs is no use to the loss. */
async function openTensorBatches(
  { train: { path }, accumulate }: { readonly train: TensorFileOptions; readonly accumulate: number },
  { config }: ModelDescription,
  given: { readonly restore?: Cursor; readonly part?: BatchPart },
): Promise<BatchStream> {
  const tensors = await readArrays(path);
  const sizes = Object.entries(tensors)
    .filter(([name]) => name.startsWith("pixel_values."))
    .map(([, { shape }]) => shape[0] ?? 0);
  if (sizes.length > 0) {
    checkPairs(config, Math.min(...sizes), `Put two pairs or more into each array of ${path}.`);
  }
  const { part } = given;
  if (part !== undefined) for (const size of sizes) checkParts(size, part, accumulate, `A batch of ${path}`);
  return tensorBatches({ label: path, tensors, ...given });
}

/** What a run trains on, and in which batches. */
export interface TrainingDataOptions {
  /** Pairs, or a file of batches, which are served as they are: all else is about pairs. */
  readonly train: SourceOptions;
  /** Pairs of a micro-batch, over all ranks. */
  readonly batchSize: number;
  /** Micro-batches of a step. */
  readonly accumulate: number;
  /** False: the source's order. */
  readonly shuffle: boolean;
  /** One of a pair's captions drawn anew each epoch, or always its first. */
  readonly captions: "draw" | "first";
  /** Keeps two pictures of one thing, or one caption twice, out of a batch where possible. */
  readonly distinct: boolean;
  /** Rows of ids are filled up to a multiple of this. */
  readonly bucketMultiple: number;
  /** Micro-batches that are made ahead. */
  readonly prefetch: number;
  /** Pairs that may be unusable; 1 %, but never fewer than 10, by default. */
  readonly maxSkipped?: MaxSkipped | undefined;
  /** Colour behind transparent pixels; as the model's preprocessing says by default. */
  readonly background?: Color | undefined;
  /** Random changes of images: one of these, or neither. */
  readonly augment?: AugmentConfig | undefined;
  readonly view?: RandomViewConfig | undefined;
  readonly seed: number;
  /** How shards are read. */
  readonly loading?: LoadingOptions | undefined;
}

/** Pairs of a step, over all ranks. */
export const globalBatchOf = ({ batchSize, accumulate }: TrainingDataOptions): number => batchSize * accumulate;

/** Options of data that is pairs. */
export type PairDataOptions = Omit<TrainingDataOptions, "train"> & {
  readonly train: Exclude<SourceOptions, TensorFileOptions>;
};

/** How the batches of a run are opened. */
export interface TrainingBatchesOptions {
  /** Where to go on; at the start by default. */
  readonly restore?: Cursor | undefined;
  /** What the options name, where it is open already. */
  readonly source?: PairSource | OpenShards | undefined;
  /** The rows of each batch that this rank makes; all by default. */
  readonly part?: BatchPart | undefined;
  /** Called once for each pair that cannot be used; says so by default. */
  readonly onSkip?: ((skipped: SkippedImage) => void) | undefined;
}

/** Says what is left out. */
const noteSkip = ({ key, reason }: SkippedImage): void => note(`skipped ${key}: ${reason}`);

/** The table that a source is, read in blocks if it has many rows. */
function tableOf({ kind, path, image, caption, separator, quoting }: TableFileOptions): ShardSourceOptions {
  return { kind, path, image, separator, quoting, captions: caption === undefined ? undefined : { [caption]: 1 } };
}

const isTable = (source: SourceOptions): source is TableFileOptions =>
  source.kind === "csv" || source.kind === "tsv" || source.kind === "jsonl";

/** Opens the pairs that a run trains on: in a list, or in shards, as a table of many rows is. The caller closes shards. */
export async function openTrainingPairs({
  train,
  seed,
  maxSkipped,
  loading,
}: PairDataOptions): Promise<PairSource | OpenShards> {
  if (isShards(train)) return openShards(train, loading?.remote);
  const large = isTable(train) && existsSync(train.path) ? await openLargeTable(tableOf(train)) : undefined;
  return large ?? openSource(train, seed, maxSkipped);
}

/** How many pairs there are. */
export const countPairs = (source: PairSource | OpenShards): number =>
  "records" in source ? source.records.length : countSamples(source);

/** What batches of listed pairs and of shards have in common. */
function batchSettings(
  options: TrainingDataOptions,
  description: ModelDescription,
  { part, onSkip = noteSkip }: TrainingBatchesOptions,
) {
  const { train: _, accumulate, augment, view, background, maxSkipped, loading: __, ...data } = options;
  const { preprocess } = description;
  return {
    ...data,
    ...given({ augment, view, maxSkipped }),
    batchSize: globalBatchOf(options),
    // counted in micro-batches: ahead of a large step, one more is as good as two and half the memory
    prefetch: Math.ceil(data.prefetch / accumulate),
    tokenizer: needTokenizer(description),
    preprocess: background === undefined ? preprocess : { ...preprocess, alpha: background },
    onSkip,
    ...given({ part }),
  };
}

/**
 * The batches a run trains on, from the start or from a saved cursor. The caller closes them.
 * @throws ClipError "bad-config" for steps of one pair that teach nothing, and pairs that do not divide among ranks.
 */
export async function openTrainingBatches(
  options: TrainingDataOptions,
  description: ModelDescription,
  opening: TrainingBatchesOptions = {},
): Promise<BatchStream> {
  const { restore, source, part } = opening;
  const { train, loading, accumulate } = options;
  if (train.kind === "tensors") return openTensorBatches({ train, accumulate }, description, given({ restore, part }));
  const { config } = description;
  if (part !== undefined) checkParts(globalBatchOf(options), part, accumulate, '"data.batchSize" x "accumulate"');
  checkPairs(config, globalBatchOf(options), 'Raise "data.batchSize" to two or more.');
  const opened = source ?? (await openTrainingPairs({ ...options, train }));
  checkPairs(config, countPairs(opened), `${opened.label} has one pair: add others.`);
  const settings = batchSettings(options, description, opening);
  if ("records" in opened) return createBatches({ ...settings, ...given({ restore }), source: opened });
  // whoever restores has made sure that these are the same shards, elsewhere perhaps
  const here = restore && { ...restore, data: opened.fingerprint };
  const shards = isTable(train) ? tableOf(train) : (train as ShardSourceOptions);
  return openShardBatches({ ...settings, ...given({ restore: here }), source: opened, train: shards, loading });
}

/**
 * Checks that a step compares at least two pairs. Under the contrastive loss one pair has nothing to be
 * told apart from: every logit of the softmax is the right one, so the loss is 0 and its gradient with
 * it, also with label smoothing, several positives or a teacher, and weights only decay. The sigmoid loss
 * of one pair has a gradient, but nothing in it keeps features apart: that is only said.
 * @param remedy What to change, as an end of the sentence.
 * @throws ClipError "bad-config" for one pair under the contrastive loss.
 */
function checkPairs(clip: ClipConfig, pairs: number, remedy: string): void {
  if (pairs > 1) return;
  if (lossOf(clip).kind === "contrastive") {
    throw new ClipError(
      "bad-config",
      "A step of one pair has nothing to tell apart: the contrastive loss is 0 whatever the model says, " +
        `and nothing would be learnt. ${remedy}`,
      { data: { pairs } },
    );
  }
  note(`note    a step of one pair shows what belongs together and nothing that does not. ${remedy}`);
}
