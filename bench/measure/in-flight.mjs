// @ts-check

/**
 * Does something with each item, some at a time.
 * @template Item
 * @param {readonly Item[]} items
 * @param {number} atATime
 * @param {(item: Item, index: number) => Promise<unknown>} use
 */
export async function inFlight(items, atATime, use) {
  const left = items.entries();
  const worker = async () => {
    for (const [index, item] of left) await use(item, index);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}
