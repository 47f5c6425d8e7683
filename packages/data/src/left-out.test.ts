import { expect, test } from "vitest";
import { createTally, joinLeftOut, leftOutLines } from "./left-out.ts";
import { checkSkipped, skipLimit } from "./skipped-images.ts";

test("what is left out is counted by reason, and the first ten are named", () => {
  const tally = createTally();
  for (let index = 0; index < 12; index++) {
    tally.add("unreadable-image", `${index}.png`, index === 0 ? "0.png is no image" : "broken");
  }
  tally.add("ending .heic", "a.heic");
  tally.add("ending .avi", "a.avi");
  tally.add("hidden", ".DS_Store");
  tally.add("hidden", "._a.png");
  tally.add("empty-caption", "a.txt", "a.txt is empty");
  expect(leftOutLines(tally.list())).toEqual([
    "left out: 12 images that cannot be read, 1 caption that is empty, " +
      "2 hidden files and folders, 1 .avi file, 1 .heic file",
    "  0.png is no image",
    ...Array.from({ length: 9 }, (_, index) => `  ${index + 1}.png: broken`),
    "  and 2 more",
    "  a.txt is empty",
    "  .DS_Store, ._a.png",
  ]);
  expect(leftOutLines([])).toEqual([]);
});

test("what has one name and reason can be counted at once", () => {
  const tally = createTally();
  tally.add("unreadable-image", "a.tar", "gone", 40);
  tally.add("unreadable-image", "b.png", "broken");
  expect(tally.list()).toEqual([
    {
      kind: "unreadable-image",
      count: 41,
      examples: [
        { name: "a.tar", reason: "gone" },
        { name: "b.png", reason: "broken" },
      ],
    },
  ]);
});

test("lists are added up, and stay as they were", () => {
  const tally = createTally();
  tally.add("hidden", ".a");
  const before = tally.list();
  tally.add("hidden", ".b");
  tally.add("loop", "up");
  expect(before).toEqual([{ kind: "hidden", count: 1, examples: [{ name: ".a" }] }]);
  expect(joinLeftOut([before, tally.list(), []])).toEqual([
    { kind: "loop", count: 1, examples: [{ name: "up" }] },
    { kind: "hidden", count: 3, examples: [{ name: ".a" }, { name: ".a" }, { name: ".b" }] },
  ]);
});

test("one in a hundred may be left out but never fewer than ten, unless another limit is given", () => {
  expect([1, 999, 1000, 1999, 200_000].map((total) => skipLimit(total))).toEqual([10, 10, 10, 19, 2000]);
  expect([0, 3, Number.POSITIVE_INFINITY].map((most) => skipLimit(50, most))).toEqual([0, 3, Number.POSITIVE_INFINITY]);
  expect((["0%", "5%", "2.5 %", "100%"] as const).map((most) => skipLimit(50, most as "5%"))).toEqual([0, 2, 1, 50]);
  for (const wrong of [-1, Number.NaN, "5", "-5%", ""]) {
    expect(() => skipLimit(50, wrong as number)).toThrow(/maxSkipped must be a number from 0 or/);
  }
});

test("a refusal names the first five and how many more there are", () => {
  const skipped = Array.from({ length: 7 }, (_, index) => ({ name: `${index}`, reason: "odd" }));
  const found = { label: "set", what: "rows cannot be used", total: 50, skipped, kept: 43 };
  expect(() => checkSkipped({ ...found, limit: 7 })).not.toThrow();
  expect(() => checkSkipped({ ...found, limit: 6 })).toThrow(
    "set: 7 of 50 rows cannot be used, and no more than 6 may be left out: mend them or raise " +
      "maxSkipped (--max-skipped of a command). The first:\n  0: odd\n  1: odd\n  2: odd\n  3: odd\n  4: odd",
  );
  expect(() => checkSkipped({ ...found, limit: 10, kept: 0 })).toThrow(/so nothing is left/);
});
