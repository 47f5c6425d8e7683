import { ClipError } from "@clip-ts/base";
import {
  createBatches,
  tensorBatches,
  type BatchStream,
  type Cursor,
  type MaxSkipped,
  type NamedArray,
  type PairSource,
} from "@clip-ts/data";
import { openFile } from "@clip-ts/files";
import type { AugmentConfig, Color, RandomViewConfig } from "@clip-ts/image";
import { needTokenizer, type ModelDescription } from "@clip-ts/inference";
import { lossOf, type ClipConfig } from "@clip-ts/model";
import { openSafetensors, toFloat32, toInt32 } from "@clip-ts/weights";
import { note } from "../cli/output.ts";
import { openSource, type SourceOptions } from "./sources.ts";

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

/** Ready-made batches; a file of single pairs is no use to the loss. */
async function openTensorBatches(
  path: string,
  { config }: ModelDescription,
  restore: { readonly restore?: Cursor },
): Promise<BatchStream> {
  const tensors = await readArrays(path);
  const sizes = Object.entries(tensors)
    .filter(([name]) => name.startsWith("pixel_values."))
    .map(([, { shape }]) => shape[0] ?? 0);
  if (sizes.length > 0) {
    checkPairs(config, Math.min(...sizes), `Put two pairs or more into each array of ${path}.`);
  }
  return tensorBatches({ label: path, tensors, ...restore });
}

/** What a run trains on, and in which batches. */
export interface TrainingDataOptions {
  /** Pairs, or a file of batches, which are served as they are: all else is about pairs. */
  readonly train: SourceOptions;
  /** Pairs of a micro-batch. */
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
}

/** How the batches of a run are opened. */
export interface TrainingBatchesOptions {
  /** Where to go on; at the start by default. */
  readonly restore?: Cursor | undefined;
  /** What the options name, where it is open already. */
  readonly source?: PairSource | undefined;
}

/**
 * The batches a run trains on, from the start or from a saved cursor. The caller closes them.
 * @throws ClipError "bad-config" for steps of one pair that teach nothing.
 */
export async function openTrainingBatches(
  options: TrainingDataOptions,
  description: ModelDescription,
  { restore, source }: TrainingBatchesOptions = {},
): Promise<BatchStream> {
  const { train, accumulate, augment, view, background, maxSkipped, ...data } = options;
  const { preprocess } = description;
  const position = restore === undefined ? {} : { restore };
  if (train.kind === "tensors") {
    return openTensorBatches(train.path, description, position);
  }
  const pairs = data.batchSize * accumulate;
  checkPairs(description.config, pairs, 'Raise "data.batchSize" to two or more.');
  const opened = source ?? (await openSource(train, data.seed, maxSkipped));
  const { label, records } = opened;
  checkPairs(description.config, records.length, `${label} has one pair: add others.`);
  const augmentation = {
    ...(augment === undefined ? {} : { augment }),
    ...(view === undefined ? {} : { view }),
  };
  return createBatches({
    ...data,
    batchSize: pairs,
    // counted in micro-batches: ahead of a large step, one more is as good as two and half the memory
    prefetch: Math.ceil(data.prefetch / accumulate),
    ...augmentation,
    ...position,
    ...(maxSkipped === undefined ? {} : { maxSkipped }),
    source: opened,
    tokenizer: needTokenizer(description),
    preprocess: background === undefined ? preprocess : { ...preprocess, alpha: background },
    onSkip: ({ key, reason }) => process.stderr.write(`skipped ${key}: ${reason}\n`),
  });
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
