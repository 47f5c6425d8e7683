import { ClipError, sizeOf } from "@clip-ts/base";
import { inputLength, joinInputs, prepareImage } from "@clip-ts/image";
import { resolveOptions, type Batch, type BatchStream, type Cursor, type SharedBatchOptions } from "./batch.ts";
import { checkPart, rowsOfPart, wholeBatch, type BatchPart } from "./batch-part.ts";
import { assembleBatch } from "./create-batches.ts";
import { createImageLoader } from "./image-loader.ts";
import type { PairRecord, OrderedPair } from "./pair-source.ts";
import { prefetched } from "./prefetch.ts";

/** Options of sequentialBatches. */
export type SequentialOptions = SharedBatchOptions;

/** A pair whose image is ready for the model. */
interface PreparedPair extends OrderedPair {
  /** [3, size, size] or patches, normalised. */
  readonly planes: Float32Array;
}

/**
 * Every pair once, in the source's order with its first caption: for evaluation. The last batch may
 * be smaller. Unreadable images are left out, so that nothing is measured twice; `keys` says what a
 * batch holds. Rejects with "bad-data" when none can be read or more than `maxSkipped` cannot.
 */
export async function* sequentialBatches(options: SequentialOptions): AsyncGenerator<Batch, void, undefined> {
  const settings = resolveOptions(options);
  const { source, batchSize, prefetch } = settings;
  const loader = createImageLoader({ ...settings, cacheBytes: 0 });
  const prepare = async (record: PairRecord): Promise<PreparedPair | undefined> => {
    const pixels = await loader.load(record);
    if (pixels === undefined) return undefined;
    const planes = await prepareImage(pixels, settings.preprocess);
    return { record, caption: record.captions[0] ?? "", planes };
  };
  const produce = async (position: Cursor): Promise<Batch> => {
    const start = position.batch * batchSize;
    const records = source.records.slice(start, start + batchSize);
    const pairs = (await Promise.all(records.map(prepare))).filter((pair) => pair !== undefined);
    const inputs = pairs.map(({ planes }) => planes);
    const pixelValues = joinInputs(inputs, pairs.length === 0 ? 0 : inputLength(settings.preprocess));
    return assembleBatch(pairs, pixelValues, position, settings);
  };

  const stepsPerEpoch = Math.ceil(source.records.length / batchSize);
  const stream = prefetched({ stepsPerEpoch, prefetch, produce, epochs: 1, stop: loader.stop });
  try {
    for (let step = 0; step < stepsPerEpoch; step++) {
      const batch = await stream.next();
      if (batch.batch > 0) yield batch;
    }
    if (loader.skipped.list.length === source.records.length) throw loader.skipped.refusal();
  } finally {
    await stream.close();
  }
}

/** An array with a shape, as a safetensors file holds it. */
export interface NamedArray {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number> | ArrayLike<bigint>;
}

/** Options of tensorBatches. */
export interface TensorBatchesOptions {
  readonly label: string;
  /** `pixel_values.N` [batch, 3, height, width] and `input_ids.N` [batch, tokens], N from 0. */
  readonly tensors: Readonly<Record<string, NamedArray>>;
  readonly restore?: Cursor;
  /** Rows of each batch that are handed out; all by default. */
  readonly part?: BatchPart;
}

function readArray({ label, tensors }: TensorBatchesOptions, name: string, rank: number): NamedArray {
  const array = tensors[name];
  if (array === undefined) {
    const names = Object.keys(tensors).slice(0, 6).join(", ");
    throw new ClipError(
      "bad-data",
      `${label}: expected pixel_values.N and input_ids.N for N = 0, 1, …; ${name} is missing, found ${names || "nothing"}`,
    );
  }
  if (array.shape.length !== rank) {
    throw new ClipError("bad-shape", `${label}: expected ${name} with ${rank} axes, found [${array.shape.join(", ")}]`);
  }
  return array;
}

/** Ids may come in 64 bits. Arrays of numbers stay as they are: a list of millions would be garbage. */
const numbersOf = ({ data }: NamedArray): ArrayLike<number> =>
  typeof data[0] === "bigint" ? Array.from(data, Number) : (data as ArrayLike<number>);

function readBatch(options: TensorBatchesOptions, { epoch, batch: index }: Cursor): Batch {
  const { label, part = wholeBatch } = options;
  const images = readArray(options, `pixel_values.${index}`, 4);
  const ids = readArray(options, `input_ids.${index}`, 2);
  const [batch = 0, channels = 0, height = 0, width = 0] = images.shape;
  const [rows, tokens = 0] = ids.shape;
  if (channels !== 3 || rows !== batch) {
    throw new ClipError(
      "bad-shape",
      `${label}: expected pixel_values.${index} [batch, 3, height, width] and input_ids.${index} ` +
        `[batch, tokens], found [${images.shape.join(", ")}] and [${ids.shape.join(", ")}]`,
    );
  }
  checkPart(part, batch);
  const [start, end] = rowsOfPart(batch, part);
  const area = channels * height * width;
  return {
    pixelValues: new Float32Array(numbersOf(images)).slice(start * area, end * area),
    inputIds: new Int32Array(numbersOf(ids)).slice(start * tokens, end * tokens),
    batch: end - start,
    tokens,
    imageSize: sizeOf({ height, width }),
    keys: Array.from({ length: end - start }, (_, row) => `${index}:${start + row}`),
    captions: [],
    epoch,
    index,
  };
}

/** Ready-made batches, served in order again and again: for parity runs. They carry no captions. */
export function tensorBatches(options: TensorBatchesOptions): BatchStream {
  const { tensors, restore } = options;
  const stepsPerEpoch = Object.keys(tensors).filter((name) => /^pixel_values\.\d+$/.test(name)).length;
  // Errors in the arrays come up now, not in the middle of a run.
  for (let batch = 0; batch < Math.max(1, stepsPerEpoch); batch++) readBatch(options, { epoch: 0, batch });
  const produce = async (position: Cursor): Promise<Batch> => readBatch(options, position);
  const stream = prefetched({ stepsPerEpoch, prefetch: 0, restore, produce });
  return { ...stream, stepsPerEpoch, skipped: [], leftOut: () => [] };
}
