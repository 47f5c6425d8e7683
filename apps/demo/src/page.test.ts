import { expect, test } from "vitest";
import { parseLabels } from "./classify-panel.ts";
import { latest } from "./page.ts";

test("asked for while it runs, a task runs once more, with what is asked for last", async () => {
  let wanted = 0;
  const done: number[] = [];
  const refresh = latest(async () => {
    const now = wanted;
    await new Promise((resolve) => setTimeout(resolve, 1));
    done.push(now);
  }, String);
  const runs = [1, 2, 3, 4].map((value) => {
    wanted = value;
    return refresh();
  });
  await Promise.all(runs);
  expect(done).toEqual([1, 4]);
  wanted = 5;
  await refresh();
  expect(done).toEqual([1, 4, 5]);
});

test("a failure is told and does not stop later runs", async () => {
  const errors: unknown[] = [];
  let runs = 0;
  const refresh = latest(
    async () => {
      runs++;
      throw new Error("no");
    },
    (error) => errors.push(error),
  );
  await refresh();
  await refresh();
  expect(runs).toBe(2);
  expect(errors).toEqual([new Error("no"), new Error("no")]);
});

test("labels stand one a line or between commas", () => {
  expect(parseLabels("a cat, a dog\n a house \r\nthe sea")).toEqual(["a cat", "a dog", "a house", "the sea"]);
});

test("blanks and repetitions are left out", () => {
  expect(parseLabels("cat,, dog,\n\n cat ,")).toEqual(["cat", "dog"]);
  expect(parseLabels(" \n,")).toEqual([]);
});
