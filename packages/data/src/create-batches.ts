import { ClipError, randomStream, type RandomStream } from "@clip-ts/base";
import {
  augmentYielding,
  inputLength,
  inputShape,
  inputSize,
  isPatches,
  isPreparer,
  planesOnly,
  prepareImage,
  preprocessYielding,
  randomViewYielding,
  type AugmentConfig,
  type Pixels,
  type RandomViewConfig,
} from "@clip-ts/image";
import type { Tokenizer } from "@clip-ts/tokenizer";
import {
  checkInteger,
  resolveOptions,
  type Batch,
  type BatchStream,
  type Cursor,
  type SharedBatchOptions,
} from "./batch.ts";
import { createImageLoader } from "./image-loader.ts";
import type { OrderedPair } from "./pair-source.ts";
import { countBatches } from "./arrange-pool.ts";
import { orderEpoch, type EpochOrder, type OrderedPlace } from "./epoch-order.ts";
import { prefetched } from "./prefetch.ts";
import type { ShardBatchesOptions } from "./shards/shard-batches-options.ts";
import { createShardBatches } from "./shards/shard-batches.ts";

/**
 * Makes a batch of pairs and their pixels, row by row; captions are padded to the longest, rounded up
 * to a multiple. Takes the pixels over: those of a large batch should not exist twice.
 */
export function assembleBatch(
  pairs: readonly OrderedPair[],
  pixelValues: Float32Array,
  position: Cursor,
  settings: {
    readonly tokenizer: Tokenizer;
    readonly bucketMultiple: number;
    readonly preprocess: BatchesOptions["preprocess"];
  },
): Batch {
  const { tokenizer, bucketMultiple } = settings;
  const { preprocess } = settings;
  const captions = pairs.map(({ caption }) => caption);
  const { inputIds, tokens } = tokenizer.encodeBatch(captions, { multiple: bucketMultiple });
  return {
    pixelValues,
    inputIds,
    batch: pairs.length,
    tokens,
    imageSize: inputSize(preprocess),
    ...(isPatches(preprocess) && { pixelShape: inputShape(preprocess, 1).slice(1) }),
    keys: pairs.map(({ record }) => record.key),
    captions,
    epoch: position.epoch,
    index: position.batch,
  };
}

/** Makes a pair's image ready in a row of the batch; undefined when it cannot be read. */
export type PreparePair = (pair: OrderedPair, row: number) => Promise<OrderedPair | undefined>;

/**
 * The pair of one row. The place of an unreadable image is taken by the first of its substitutes that can
 * be read: a function of the order and the files, not of timing nor of what else is in the batch, so that a
 * batch that is split over processes has the same rows. Undefined when nothing is readable.
 */
export async function fillRow(
  order: EpochOrder,
  place: OrderedPlace,
  prepare: PreparePair,
): Promise<OrderedPair | undefined> {
  const { batch, row } = place;
  const planned = order.batch(batch)[row];
  const own = planned === undefined ? undefined : await prepare(planned, row);
  if (own !== undefined) return own;
  for (const substitute of order.substitutes(place)) {
    const prepared = await prepare(substitute, row);
    if (prepared !== undefined) return prepared;
  }
  return undefined;
}

/** A whole batch of the order, row by row. Undefined when nothing is readable. */
export async function fillBatch(
  order: EpochOrder,
  index: number,
  prepare: PreparePair,
): Promise<OrderedPair[] | undefined> {
  const rows = order.batch(index).map((_, row) => fillRow(order, { batch: index, row }, prepare));
  const filled = (await Promise.all(rows)).filter((pair) => pair !== undefined);
  return filled.length === rows.length ? filled : undefined;
}

/** Options of createBatches. */
export interface BatchesOptions extends SharedBatchOptions {
  readonly seed: number;
  /** Random crops and the like; without it images are prepared as for evaluation. */
  readonly augment?: AugmentConfig;
  /** In place of `augment`: crops, turns and colours in one pass, several times faster. */
  readonly view?: RandomViewConfig;
  /** True by default. False: the source's order, neither bucketed by length nor by concept. */
  readonly shuffle?: boolean;
  /** "draw" (default): one of a record's captions, anew each epoch. "first": always its first. */
  readonly captions?: "draw" | "first";
  /**
   * True by default: pairs of one concept, or of one caption, go to different batches where
   * possible. Together in a batch they would count each other as wrong.
   */
  readonly distinct?: boolean;
  /** True by default: an epoch leaves out the pairs that fill no whole batch. */
  readonly dropLast?: boolean;
  /** Bytes of decoded images kept in memory; 256 MiB by default, 0 keeps none. */
  readonly cacheBytes?: number;
  /** Where to go on: the cursor of a stream with the same source, seed and batch size. */
  readonly restore?: Cursor;
}

function checkSteps(stepsPerEpoch: number, { source, batchSize }: BatchesOptions): void {
  if (stepsPerEpoch > 0) return;
  const { label, records } = source;
  throw new ClipError(
    "bad-config",
    `${label} has ${records.length} pairs, fewer than the batch size ${batchSize}, ` +
      "and an epoch leaves out pairs that fill no whole batch: lower the batch size",
    { data: { records: records.length, batchSize } },
  );
}

function checkAugmentation({ augment: exact, view, preprocess }: BatchesOptions): void {
  if ((exact ?? view) === undefined) return;
  if (isPreparer(preprocess)) {
    throw new ClipError(
      "bad-config",
      "Somebody else's image processor prepares images in one way only: leave out augment and view, or give a " +
        "PreprocessConfig in its place, such as a model's own",
    );
  }
  planesOnly(preprocess, exact === undefined ? "view" : "augment");
  if (exact === undefined || view === undefined) return;
  throw new ClipError("bad-config", "augment and view are two ways to change images at random: give one of them");
}

/** The image as the options want it: [3, size, size] or patches, normalised. */
function toPlanes(pixels: Pixels, options: BatchesOptions, random: RandomStream): Promise<Float32Array> {
  const { preprocess: config, augment: exact, view } = options;
  if (isPreparer(config)) return prepareImage(pixels, config);
  if (view !== undefined) return randomViewYielding(pixels, planesOnly(config, "view"), view, random);
  if (exact !== undefined) return augmentYielding(pixels, planesOnly(config, "augment"), exact, random);
  return preprocessYielding(pixels, config);
}

/** Gives the order of an epoch, remembering the last one: batches are made in order. */
function rememberOrder(make: (epoch: number) => EpochOrder): (epoch: number) => EpochOrder {
  let last: EpochOrder | undefined;
  return (epoch) => {
    if (last?.epoch !== epoch) last = make(epoch);
    return last;
  };
}

/** Batches of pairs that are listed up front. */
function listedBatches(options: BatchesOptions): BatchStream {
  const settings = resolveOptions(options);
  const { source, tokenizer, batchSize, seed, dropLast = true, cacheBytes = 2 ** 28 } = settings;
  checkInteger("cacheBytes", cacheBytes, 0);
  const stepsPerEpoch = countBatches(source.records.length, { batchSize, dropLast });
  checkSteps(stepsPerEpoch, options);
  checkAugmentation(options);
  const loader = createImageLoader({ ...settings, cacheBytes });
  const orderOf = rememberOrder((epoch) =>
    orderEpoch({
      records: source.records,
      batchSize,
      seed,
      epoch,
      dropLast,
      shuffle: options.shuffle ?? true,
      captions: options.captions ?? "draw",
      distinct: options.distinct ?? true,
      countTokens: (caption) => tokenizer.encode(caption).length,
    }),
  );

  const length = inputLength(settings.preprocess);
  const produce = async (position: Cursor): Promise<Batch> => {
    const { epoch, batch } = position;
    const rows = new Float32Array(batchSize * length);
    const prepare: PreparePair = async (pair, row) => {
      const pixels = await loader.load(pair.record);
      if (pixels === undefined) return undefined;
      const random = randomStream(seed, "augment", epoch, pair.record.key);
      const image = await toPlanes(pixels, options, random);
      rows.fill(0, row * length + image.length, (row + 1) * length); // of a longer image that could not be used
      rows.set(image, row * length);
      return pair;
    };
    const pairs = await fillBatch(orderOf(epoch), batch, prepare);
    if (pairs === undefined) throw loader.skipped.refusal();
    const pixelValues = pairs.length === batchSize ? rows : rows.slice(0, pairs.length * length);
    return assembleBatch(pairs, pixelValues, position, settings);
  };

  const { prefetch, restore } = settings;
  const stream = prefetched({ stepsPerEpoch, prefetch, restore, produce, stop: loader.stop });
  const { list: skipped, leftOut } = loader.skipped;
  return { ...stream, stepsPerEpoch, skipped, leftOut };
}

/**
 * Shuffled batches without end. Order, captions and augmentation are functions of (seed, epoch,
 * record), so the cursor alone continues a run exactly. Unreadable images are listed in `skipped`
 * and their places filled by other pairs of the epoch, chosen by the order alone; if none can be read,
 * or more than `maxSkipped` cannot, `next` rejects with "bad-data". Of a set in shards, which may have any size, they
 * are those of `createShardBatches`.
 */
export function createBatches(options: BatchesOptions | ShardBatchesOptions): BatchStream {
  return "workers" in options ? createShardBatches(options) : listedBatches(options);
}
