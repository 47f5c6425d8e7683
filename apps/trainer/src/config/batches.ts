import {
  createBatches,
  tensorBatches,
  type BatchStream,
  type Cursor,
  type NamedArray,
  type PairSource,
} from "@clip-ts/data";
import type { AugmentConfig, RandomViewConfig } from "@clip-ts/image";
import { needTokenizer, openFile, type ModelDescription } from "@clip-ts/node";
import { openSafetensors, toFloat32, toInt32 } from "@clip-ts/weights";
import { checkPairs } from "./check-pairs.ts";
import type { RunConfig } from "./schema.ts";
import { openSource } from "./sources.ts";

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

/** How the batches of a run are opened. */
export interface TrainingBatchesOptions {
  /** Where to go on; at the start by default. */
  readonly restore?: Cursor | undefined;
  /** What the config names, where it is open already. */
  readonly source?: PairSource | undefined;
}

/** The batches a run trains on, from the start or from a saved cursor. */
export async function openTrainingBatches(
  config: RunConfig,
  description: ModelDescription,
  { restore, source }: TrainingBatchesOptions = {},
): Promise<BatchStream> {
  const { train, augment, view, background, maxSkipped, ...data } = config.data;
  const { preprocess } = description;
  const position = restore === undefined ? {} : { restore };
  if (train.kind === "tensors") {
    return openTensorBatches(train.path, description, position);
  }
  const pairs = data.batchSize * config.accumulate;
  checkPairs(description.config, pairs, 'Raise "data.batchSize" to two or more.');
  const opened = source ?? (await openSource(train, config.seed, maxSkipped));
  const { label, records } = opened;
  checkPairs(description.config, records.length, `${label} has one pair: add others.`);
  const augmentation = {
    ...(augment === undefined ? {} : { augment: augment as AugmentConfig }),
    ...(view === undefined ? {} : { view: view as RandomViewConfig }),
  };
  return createBatches({
    ...data,
    batchSize: pairs,
    // counted in micro-batches: ahead of a large step, one more is as good as two and half the memory
    prefetch: Math.ceil(data.prefetch / config.accumulate),
    ...augmentation,
    ...position,
    ...(maxSkipped === undefined ? {} : { maxSkipped }),
    source: opened,
    tokenizer: needTokenizer(description),
    preprocess: background === undefined ? preprocess : { ...preprocess, alpha: background },
    seed: config.seed,
    onSkip: ({ key, reason }) => process.stderr.write(`skipped ${key}: ${reason}\n`),
  });
}
