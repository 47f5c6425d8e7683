import { expect, test } from "vitest";
import { pictureLine } from "./progress.ts";

test("the pace is that of this run, the time left that of all that is left", () => {
  expect(pictureLine({ label: "embed", total: 1000, done: 600 }, 2000, 100)).toBe(
    "embed: 600 of 1000  50 images/s  eta 0:08",
  );
  expect(pictureLine({ label: "embed", total: 1_000_000, done: 10 }, 10_000, 10)).toBe(
    "embed: 10 of 1000000  1.0 images/s  eta 277:46:30",
  );
  expect(pictureLine({ label: "embed", total: 10, done: 4 }, 0, 0)).toBe("embed: 4 of 10  0.0 images/s");
});
