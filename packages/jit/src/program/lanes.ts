/** Runs a task for every item, up to `lanes` at a time, each lane taking the next item when it is free. */
export async function runInLanes<Item>(
  items: readonly Item[],
  lanes: number,
  task: (item: Item) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next] as Item;
      next += 1;
      await task(item);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
