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
  const { train, augment, view, background, ...data } = config.data;
  const { preprocess } = description;
  const position = restore === undefined ? {} : { restore };
  if (train.kind === "tensors") {
    return tensorBatches({ label: train.path, tensors: await readArrays(train.path), ...position });
  }
  const augmentation = {
    ...(augment === undefined ? {} : { augment: augment as AugmentConfig }),
    ...(view === undefined ? {} : { view: view as RandomViewConfig }),
  };
  return createBatches({
    ...data,
    batchSize: data.batchSize * config.accumulate,
    // counted in micro-batches: ahead of a large step, one more is as good as two and half the memory
    prefetch: Math.ceil(data.prefetch / config.accumulate),
    ...augmentation,
    ...position,
    source: source ?? (await openSource(train, config.seed)),
    tokenizer: needTokenizer(description),
    preprocess: background === undefined ? preprocess : { ...preprocess, alpha: background },
    seed: config.seed,
    onSkip: ({ key, reason }) => process.stderr.write(`skipped ${key}: ${reason}\n`),
  });
}
