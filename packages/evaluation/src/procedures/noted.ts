import type { AnyIterable } from "@clip-ts/model";

/** The same items; each is noted when it is taken. */
export async function* noted<Item>(
  items: AnyIterable<Item>,
  note: (item: Item) => void,
): AsyncGenerator<Item> {
  for await (const item of items) {
    note(item);
    yield item;
  }
}
