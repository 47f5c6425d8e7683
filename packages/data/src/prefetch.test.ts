import { expect, test } from "vitest";
import type { Cursor } from "./batch.ts";
import { prefetched, type PrefetchOptions } from "./prefetch.ts";

const name = ({ epoch, batch }: Cursor): string => `${epoch}.${batch}`;

/** Lets everything that is ready run. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** A producer that notes what it was asked for. */
function noting(options: Partial<PrefetchOptions<string>> = {}): {
  started: string[];
  stream: ReturnType<typeof prefetched<string>>;
} {
  const started: string[] = [];
  const stream = prefetched({
    stepsPerEpoch: 3,
    prefetch: 2,
    async produce(position) {
      started.push(name(position));
      return name(position);
    },
    ...options,
  });
  return { started, stream };
}

test("items come in order over epochs, and exactly so many are made ahead", async () => {
  const { started, stream } = noting();
  await settle();
  expect(started).toEqual([]);
  const seen: string[] = [];
  for (let step = 1; step <= 7; step++) {
    seen.push(await stream.next());
    await settle();
    expect(started).toHaveLength(step + 2);
  }
  expect(seen).toEqual(["0.0", "0.1", "0.2", "1.0", "1.1", "1.2", "2.0"]);
});

test("the cursor is the next item's position, whatever was made ahead, and restores", async () => {
  const { stream } = noting();
  expect(stream.cursor()).toEqual({ epoch: 0, batch: 0 });
  for (let step = 0; step < 4; step++) await stream.next();
  const saved = JSON.parse(JSON.stringify(stream.cursor())) as Cursor;
  expect(saved).toEqual({ epoch: 1, batch: 1 });
  const { stream: resumed } = noting({ restore: saved, prefetch: 0 });
  for (let step = 0; step < 4; step++) expect(await resumed.next()).toBe(await stream.next());
});

test.each([
  { epoch: 0, batch: 3 },
  { epoch: -1, batch: 0 },
  { epoch: 0.5, batch: 0 },
])("a cursor of other data, %j, is refused", (restore) => {
  expect(() => noting({ restore })).toThrow(/an epoch has 3 batches/);
});

test("calls that overlap are served in turn", async () => {
  const { stream } = noting();
  expect(await Promise.all([stream.next(), stream.next(), stream.next()])).toEqual(["0.0", "0.1", "0.2"]);
});

test("an error waits for its turn, leaves the cursor in place and can be tried again", async () => {
  let broken = true;
  const { stream } = noting({
    async produce(position) {
      if (broken && name(position) === "0.1") throw new Error("no 0.1");
      return name(position);
    },
  });
  expect(await stream.next()).toBe("0.0");
  await settle(); // made ahead and failed: must not become an unhandled rejection
  await expect(stream.next()).rejects.toThrow("no 0.1");
  expect(stream.cursor()).toEqual({ epoch: 0, batch: 1 });
  broken = false;
  expect([await stream.next(), await stream.next()]).toEqual(["0.1", "0.2"]);
});

test("close stops making items, waits for those under way and ends next", async () => {
  const waiters: (() => void)[] = [];
  const finished: string[] = [];
  const { stream } = noting({
    async produce(position) {
      if (position.batch > 0) await new Promise<void>((resolve) => waiters.push(resolve));
      finished.push(name(position));
      return name(position);
    },
    prefetch: 1,
  });
  await stream.next();
  const waiting = stream.next();
  await settle();
  const closing = stream.close();
  expect(finished).toEqual(["0.0"]);
  for (const release of waiters) release();
  await expect(waiting).rejects.toThrow(/closed/);
  await closing;
  expect(finished).toEqual(["0.0", "0.1", "0.2"]);
  await expect(stream.next()).rejects.toMatchObject({ code: "bad-argument" });
  await settle();
  expect(finished).toHaveLength(3);
  await stream.close();
});
