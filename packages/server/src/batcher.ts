/** How one item is to be run. */
export interface BatchedOptions {
  /** Takes the item out of the queue; its promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Goes before all that wait. */
  readonly isUrgent?: boolean;
}

/** Runs items that come one by one together with others of their group. */
export interface Batcher<Item, Result> {
  add(group: string, item: Item, options?: BatchedOptions): Promise<Result>;
  /**
   * Says that an item of a group is in the making: a batch that it would fill waits a moment for it. Gives what takes that
   * back, once it was added or will not come.
   */
  announce(group: string): () => void;
  /** Items that wait. */
  waiting(): number;
}

/** What a batcher is made of. */
export interface BatcherParts<Item, Result> {
  /** Items of a batch. */
  readonly mostItems: number;
  /** One result for each item. What it rejects with, every item of the batch rejects with. */
  readonly run: (group: string, items: readonly Item[]) => Promise<readonly Result[]>;
}

/** Milliseconds that a batch waits for items that are in the making. */
const patience = 50;

interface Waiting<Item, Result> {
  /** When it goes, whatever is in the making. */
  readonly due: number;
  readonly group: string;
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/** What is in the making, counted by group. */
interface Coming {
  has(group: string): boolean;
  /** Counts one more; gives what counts it off again, once, and calls `onOver` then. */
  add(group: string, onOver: () => void): () => void;
}

function createComing(): Coming {
  const counts = new Map<string, number>();
  return {
    has: (group) => counts.has(group),
    add(group, onOver) {
      counts.set(group, (counts.get(group) ?? 0) + 1);
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        const left = (counts.get(group) ?? 1) - 1;
        if (left > 0) counts.set(group, left);
        else counts.delete(group);
        onOver();
      };
    },
  };
}

/** What waits, split into the batch that goes next, if any, and the rest. */
function split<Item, Result>(
  queue: readonly Waiting<Item, Result>[],
  coming: Coming,
  mostItems: number,
): { readonly batch: Waiting<Item, Result>[]; readonly rest: Waiting<Item, Result>[] } {
  const now = performance.now();
  const counts = new Map<string, number>();
  for (const { group } of queue) counts.set(group, (counts.get(group) ?? 0) + 1);
  const next = queue.find(
    ({ group, due }) => due <= now || !coming.has(group) || (counts.get(group) ?? 0) >= mostItems,
  );
  const batch: Waiting<Item, Result>[] = [];
  const rest = queue.filter((waiting) => {
    if (waiting.group !== next?.group || batch.length === mostItems) return true;
    batch.push(waiting);
    return false;
  });
  return { batch, rest };
}

async function runBatch<Item, Result>(
  batch: readonly Waiting<Item, Result>[],
  run: BatcherParts<Item, Result>["run"],
): Promise<void> {
  const [first] = batch;
  if (first === undefined) return;
  try {
    const results = await run(
      first.group,
      batch.map(({ item }) => item),
    );
    for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

/**
 * One queue before one engine. As soon as the engine is free, what has waited longest goes, and with it what waits of its
 * group, up to a batch. A batch that is not full waits only while items of its group are in the making, and for a moment.
 */
export function createBatcher<Item, Result>({ mostItems, run }: BatcherParts<Item, Result>): Batcher<Item, Result> {
  let queue: Waiting<Item, Result>[] = [];
  let isBusy = false;
  let timer: NodeJS.Timeout | undefined;
  const coming = createComing();

  const work = async (): Promise<void> => {
    clearTimeout(timer);
    for (;;) {
      const { batch, rest } = split(queue, coming, mostItems);
      if (batch.length === 0) break;
      queue = rest;
      await runBatch(batch, run);
    }
    isBusy = false;
    if (queue.length === 0) return;
    const due = Math.min(...queue.map((each) => each.due));
    timer = setTimeout(wake, Math.max(1, due - performance.now()));
  };
  const wake = (): void => {
    if (isBusy) return;
    isBusy = true;
    setImmediate(() => void work()); // what comes in the same turn goes along
  };

  return {
    waiting: () => queue.length,
    announce: (group) => coming.add(group, wake),
    add: (group, item, { signal, isUrgent = false } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason as Error);
        const onAbort = (): void => {
          queue = queue.filter((each) => each !== waiting);
          reject(signal?.reason as Error);
        };
        const forget = (): void => signal?.removeEventListener("abort", onAbort);
        const waiting: Waiting<Item, Result> = {
          due: isUrgent ? 0 : performance.now() + patience,
          group,
          item,
          resolve: (result) => (forget(), resolve(result)),
          reject: (reason) => (forget(), reject(reason)),
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        if (isUrgent) queue.unshift(waiting);
        else queue.push(waiting);
        wake();
      }),
  };
}
