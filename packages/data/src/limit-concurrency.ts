/** Runs tasks, at most `limit` at a time, in the order they came. */
export type Limiter = <Result>(task: () => Promise<Result>) => Promise<Result>;

/** A limiter for `limit` tasks at a time. */
export function limitConcurrency(limit: number): Limiter {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running < limit) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      // The place passes straight to the next in line, or is given up.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

/** `map` over all items, at most `limit` at a time; results in the items' order. */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const limited = limitConcurrency(limit);
  return Promise.all(items.map((item) => limited(() => map(item))));
}
