import { expect, test } from "vitest";
import { createBatcher } from "./batcher.ts";
import { createBudget } from "./budget.ts";

/** A batcher whose batches wait until they are let go. */
function slowBatcher(mostItems = 3) {
  const batches: string[] = [];
  const gates: (() => void)[] = [];
  const batcher = createBatcher<number, number>({
    mostItems,
    async run(group, items) {
      batches.push(`${group}:${items.join(",")}`);
      await new Promise<void>((resolve) => gates.push(resolve));
      if (items.includes(13)) throw new Error("the engine failed");
      return items.map((item) => 10 * item);
    },
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const next = async (): Promise<void> => {
    while (gates.length === 0) await turn();
    gates.shift()?.();
    await turn();
    await turn();
  };
  return { batcher, batches, next };
}

test("what waits goes together once the engine is free, the longest waiting first", async () => {
  const { batcher, batches, next } = slowBatcher();
  const first = batcher.add("a", 1);
  await Promise.all([next(), first]);
  const later = [2, 3, 4, 5].map((item) => batcher.add(item === 3 ? "b" : "a", item));
  const urgent = batcher.add("c", 9, { isUrgent: true });
  await next();
  await next();
  await next();
  expect(await Promise.all([first, ...later, urgent])).toEqual([10, 20, 30, 40, 50, 90]);
  expect(batches).toEqual(["a:1", "c:9", "a:2,4,5", "b:3"]);
});

test("work that nobody waits for leaves the queue, and a failed batch fails for those in it alone", async () => {
  const { batcher, batches, next } = slowBatcher();
  const control = new AbortController();
  const running = batcher.add("a", 1);
  await new Promise((resolve) => setImmediate(resolve));
  const gone = batcher.add("a", 2, { signal: control.signal });
  const bad = batcher.add("b", 13);
  const good = batcher.add("a", 3);
  control.abort(new Error("gone"));
  await expect(gone).rejects.toThrow("gone");
  await expect(batcher.add("a", 4, { signal: control.signal })).rejects.toThrow("gone");
  const failure = bad.catch((error: unknown) => String(error));
  await next();
  await next();
  await next();
  expect([await running, await failure, await good]).toEqual([10, "Error: the engine failed", 30]);
  expect(batcher.waiting()).toBe(0);
  expect(batches).toEqual(["a:1", "b:13", "a:3"]);
});

test("a batch waits for what is in the making, no longer than until it is full or nothing more comes", async () => {
  const { batcher, batches, next } = slowBatcher();
  const lost = batcher.announce("a");
  const arrived = batcher.announce("a");
  const first = batcher.add("a", 1);
  const other = batcher.add("b", 2);
  await Promise.all([next(), other]);
  const second = batcher.add("a", 3);
  arrived();
  lost();
  lost(); // counts once
  await next();
  const late = batcher.announce("a");
  const full = [4, 5, 6].map((item) => batcher.add("a", item));
  await next();
  const alone = batcher.add("a", 7); // what was announced does not come: it goes all the same
  await next();
  expect(await Promise.all([first, second, ...full, alone])).toEqual([10, 30, 40, 50, 60, 70]);
  expect(batches).toEqual(["b:2", "a:1,3", "a:4,5,6", "a:7"]);
  late();
});

test("a budget is given in turn, whole to who wants more, and never to who is gone", async () => {
  const budget = createBudget(10);
  const first = await budget.take(6);
  const control = new AbortController();
  const order: string[] = [];
  const gone = budget.take(9, control.signal);
  const large = budget.take(99).then((give) => (order.push("large"), give));
  const small = budget.take(2).then((give) => (order.push("small"), give));
  expect(budget.waiting()).toBe(3);
  control.abort(new Error("gone"));
  await expect(gone).rejects.toThrow("gone");
  first();
  first(); // counts once
  (await large)();
  (await small)();
  expect([order, budget.waiting()]).toEqual([["large", "small"], 0]);
});
