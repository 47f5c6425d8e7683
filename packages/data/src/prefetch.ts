import { ClipError } from "@clip-ts/base";
import type { Cursor } from "./batch.ts";

/** What is to be made ahead. */
export interface PrefetchOptions<Item> {
  readonly stepsPerEpoch: number;
  /** How many items are in the making beyond the one asked for. */
  readonly prefetch: number;
  /** Makes the item of a position; called in order. */
  readonly produce: (position: Cursor) => Promise<Item>;
  /** Where to begin. */
  readonly restore?: Cursor | undefined;
  /** Items end before this epoch; endless by default. */
  readonly epochs?: number;
  /** Ends the work under way; awaited by `close`. */
  readonly stop?: () => Promise<void>;
  /** Gets items that were made and that nobody will be handed: after a failure before them, or when closed. */
  readonly discard?: (item: Item) => void;
}

/** Items in order, made ahead of their use. */
export interface Prefetched<Item> {
  next(): Promise<Item>;
  cursor(): Cursor;
  close(): Promise<void>;
}

/** The error of work that goes on after `close`. */
export function closedError(): ClipError {
  return new ClipError("bad-argument", "the batches were closed; create a new stream to go on");
}

function checkCursor({ epoch, batch }: Cursor, stepsPerEpoch: number): void {
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0;
  if (isCount(epoch) && isCount(batch) && batch < stepsPerEpoch) return;
  throw new ClipError(
    "bad-data",
    `cannot go on at epoch ${epoch}, batch ${batch}: an epoch has ${stepsPerEpoch} batches. ` +
      "The data or the batch size differs from the run that saved this position",
    { data: { epoch, batch, stepsPerEpoch } },
  );
}

/**
 * Keeps `prefetch` items in the making while the caller works on the last one, and no more. Nothing
 * starts before the first `next`; a failure is kept until its item is asked for.
 */
export function prefetched<Item>(options: PrefetchOptions<Item>): Prefetched<Item> {
  const { stepsPerEpoch, prefetch, produce, epochs = Number.POSITIVE_INFINITY } = options;
  const start = options.restore ?? { epoch: 0, batch: 0 };
  checkCursor(start, stepsPerEpoch);
  const after = ({ epoch, batch }: Cursor): Cursor =>
    batch + 1 < stepsPerEpoch ? { epoch, batch: batch + 1 } : { epoch: epoch + 1, batch: 0 };

  let cursor = start; // the next item to hand out
  let upcoming = start; // the next item to begin
  let pending: Promise<Item>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;

  const fill = (count: number): void => {
    while (pending.length < count && upcoming.epoch < epochs) {
      const item = produce(upcoming);
      item.catch(() => undefined); // reported by `next`, not as an unhandled rejection
      pending.push(item);
      upcoming = after(upcoming);
    }
  };

  const drop = async (items: readonly Promise<Item>[]): Promise<void> => {
    await Promise.allSettled(items.map((item) => item.then((made) => options.discard?.(made))));
  };

  const take = async (): Promise<Item> => {
    if (closed) throw closedError();
    fill(1 + prefetch);
    try {
      const item = await pending[0]!;
      if (closed) throw closedError(); // `close` drops what is pending
      pending = pending.slice(1);
      cursor = after(cursor);
      fill(prefetch);
      return item;
    } catch (error) {
      if (!closed) void drop(pending.splice(0));
      upcoming = cursor;
      throw error;
    }
  };

  return {
    next() {
      const item = last.then(take);
      last = item.catch(() => undefined);
      return item;
    },
    cursor: () => cursor,
    async close() {
      closed = true;
      const left = drop(pending.splice(0));
      await options.stop?.();
      await left;
    },
  };
}
