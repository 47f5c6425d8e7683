import { openFlatIndex, type VectorIndex } from "@clip-ts/search";
import { expect, test } from "vitest";
import { searchTurns } from "./search-turns.ts";

const never = new AbortController().signal;
const request = { count: 1 };
const vector = Float32Array.of(1, 0);

/** A flat index whose searches stand still until they are let go, one by one, in the order in which they began. */
async function heldIndex(kind = "flat") {
  const flat = await openFlatIndex({ dim: 2, fields: {} });
  const vectors = { values: Float32Array.of(1, 0, 0, 1), rows: 2, dim: 2 };
  await flat.add({ ids: ["a", "b"], vectors, fields: [{}, {}] });
  const begun: (() => void)[] = [];
  const held: VectorIndex = {
    ...flat,
    kind,
    async search(vector, request) {
      await new Promise<void>((resolve) => begun.push(resolve));
      return flat.search(vector, request);
    },
  };
  return { held, begun };
}

/** Lets what is ready to go on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a flat index is searched by one at a time, in turn", async () => {
  const { held, begun } = await heldIndex();
  const of = searchTurns(held, 4);
  const order: number[] = [];
  const searches = [0, 1, 2].map(async (number) => {
    const hits = await of(never).search(vector, request);
    order.push(number);
    return hits;
  });
  for (const count of [1, 2, 3]) {
    await settle();
    expect([begun.length, order.length]).toEqual([count, count - 1]);
    begun.at(-1)?.();
  }
  expect((await Promise.all(searches)).map(([hit]) => hit?.id)).toEqual(["a", "a", "a"]);
  expect(order).toEqual([0, 1, 2]);
});

test("others are searched by as many as may", async () => {
  const { held, begun } = await heldIndex("lance");
  const of = searchTurns(held, 2);
  const searches = [0, 1, 2].map(() => of(never).search(vector, request));
  await settle();
  expect(begun.length).toBe(2);
  begun[0]?.();
  await searches[0];
  await settle();
  expect(begun.length).toBe(3);
  for (const letGo of begun) letGo();
  await Promise.all(searches);
});

test("a search whose client is gone leaves its place in the queue, and one that fails its turn", async () => {
  const { held, begun } = await heldIndex();
  const of = searchTurns(held, 4);
  const first = of(never).search(Float32Array.of(1, 0, 0), request);
  const control = new AbortController();
  const gone = of(control.signal).search(vector, request);
  const last = of(never).search(vector, request);
  await settle();
  control.abort(new Error("gone"));
  await expect(gone).rejects.toThrow("gone");
  begun[0]?.();
  await expect(first).rejects.toThrow("3");
  await settle();
  expect(begun.length).toBe(2);
  begun[1]?.();
  expect((await last)[0]?.id).toBe("a");
});
