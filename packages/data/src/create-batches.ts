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
  type ResolvedOptions,
  type SharedBatchOptions,
} from "./batch.ts";
import { checkPart, rowsOfPart, wholeBatch, type BatchPart } from "./batch-part.ts";
import { createImageLoader } from "./image-loader.ts";
import type { OrderedPair } from "./pair-source.ts";
import { countBatches } from "./arrange-pool.ts";
import { orderEpoch, type EpochOrder, type OrderedPlace } from "./epoch-order.ts";
import { prefetched } from "./prefetch.ts";
import type { ShardBatchesOptions } from "./shards/shard-batches-options.ts";
import { createShardBatches } from "./shards/shard-batches.ts";

/**
 * Makes a batch of pairs and their pixels, row by row; captions are padded to the longest, rounded up
 * to a multiple, or cut and padded to `width`. Takes the pixels over: those of a large batch should not exist twice.
 */
export function assembleBatch(
  pairs: readonly OrderedPair[],
  pixelValues: Float32Array,
  position: Cursor,
  settings: {
    readonly tokenizer: Tokenizer;
    readonly bucketMultiple: number;
    readonly preprocess: BatchesOptions["preprocess"];
    /** Tokens of a row. */
    readonly width?: number;
  },
): Batch {
  const { tokenizer, bucketMultiple, preprocess, width } = settings;
  const captions = pairs.map(({ caption }) => caption);
  const padding = width === undefined ? { multiple: bucketMultiple } : { tokens: width, multiple: width };
  const { inputIds, tokens } = tokenizer.encodeBatch(captions, padding);
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

/** How the rows of a batch are filled. */
export interface RowFilling {
  readonly prepare: PreparePair;
  /** Whether a substitute's caption is no longer than the batch is wide; any is by default. */
  readonly fits?: (pair: OrderedPair) => boolean;
}

/** Substitutes that are passed over because they do not fit, before one is taken whose caption is cut. */
const mostMisfits = 64;

/** Substitutes in the order in which they are tried: so many that do not fit come after those that do. */
function* fittingFirst(substitutes: Iterable<OrderedPair>, fits: (pair: OrderedPair) => boolean) {
  const misfits: OrderedPair[] = [];
  let isStrict = true;
  for (const substitute of substitutes) {
    if (!isStrict || fits(substitute)) {
      yield substitute;
    } else {
      misfits.push(substitute);
      isStrict = misfits.length < mostMisfits;
      if (!isStrict) yield* misfits.splice(0);
    }
  }
  yield* misfits;
}

/**
 * The pair of one row. The place of an unreadable image is taken by the first of its substitutes that can
 * be read: a function of the order and the files, not of timing nor of what else is in the batch, so that a
 * batch that is split over processes has the same rows. Undefined when nothing is readable.
 */
export async function fillRow(
  order: EpochOrder,
  place: OrderedPlace,
  { prepare, fits = () => true }: RowFilling,
): Promise<OrderedPair | undefined> {
  const { batch, row } = place;
  const planned = order.batch(batch)[row];
  const own = planned === undefined ? undefined : await prepare(planned, row);
  if (own !== undefined) return own;
  for (const substitute of fittingFirst(order.substitutes(place), fits)) {
    const prepared = await prepare(substitute, row);
    if (prepared !== undefined) return prepared;
  }
  return undefined;
}

/** A batch of the order, or a part of it, row by row. Undefined when nothing is readable. */
export async function fillBatch(
  order: EpochOrder,
  { index, part = wholeBatch }: { readonly index: number; readonly part?: BatchPart },
  filling: RowFilling,
): Promise<OrderedPair[] | undefined> {
  const places = order.batch(index).map((_, row) => ({ batch: index, row }));
  const rows = places.slice(...rowsOfPart(places.length, part)).map((place) => fillRow(order, place, filling));
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
  /** Where to go on: the cursor of a stream with the same source, seed and batch size, of any part. */
  readonly restore?: Cursor;
  /** Rows of each batch that are made and handed out; all by default. `batchSize` counts those of all parts. */
  readonly part?: BatchPart;
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

/** Tokens that rows are cut to, at least. */
const leastWidth = 3;

/** Tokens of a row of a batch: those that its plan needs, over all parts, so that all parts have as many. */
function plannedWidth(planned: readonly OrderedPair[], { tokenizer, bucketMultiple }: ResolvedOptions): number {
  const captions = planned.map(({ caption }) => caption);
  return Math.max(leastWidth, tokenizer.encodeBatch(captions, { multiple: bucketMultiple }).tokens);
}

/** Batches of pairs that are listed up front. */
function listedBatches(options: BatchesOptions): BatchStream {
  const settings = resolveOptions(options);
  const { source, tokenizer, batchSize, seed, dropLast = true, cacheBytes = 2 ** 28, part = wholeBatch } = settings;
  checkInteger("cacheBytes", cacheBytes, 0);
  checkPart(part, batchSize);
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
    const order = orderOf(epoch);
    const planned = order.batch(batch);
    const [start, end] = rowsOfPart(planned.length, part);
    const width = plannedWidth(planned, settings);
    const rows = new Float32Array((end - start) * length);
    const prepare: PreparePair = async (pair, place) => {
      const row = place - start;
      const pixels = await loader.load(pair.record);
      if (pixels === undefined) return undefined;
      const random = randomStream(seed, "augment", epoch, pair.record.key);
      const image = await toPlanes(pixels, options, random);
      rows.fill(0, row * length + image.length, (row + 1) * length); // of a longer image that could not be used
      rows.set(image, row * length);
      return pair;
    };
    const fits = ({ caption }: OrderedPair): boolean => tokenizer.encode(caption).length <= width;
    const pairs = await fillBatch(order, { index: batch, part }, { prepare, fits });
    if (pairs === undefined) throw loader.skipped.refusal();
    return assembleBatch(pairs, rows, position, { ...settings, width });
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
