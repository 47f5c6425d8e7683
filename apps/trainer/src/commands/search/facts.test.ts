import { expect, test } from "vitest";
import { bytesOf, dayOf, sizeOf } from "./facts.ts";

test("a day is that of the clock that the index keeps, and nothing where there is none", () => {
  expect(dayOf(Date.parse("2024-05-17T23:59:59Z"))).toBe("2024-05-17");
  expect(dayOf(Date.parse("0962-05-17T00:00:00Z"))).toBe("0962-05-17");
  expect([dayOf(null), dayOf(undefined), dayOf(Number.NaN), dayOf(1e300)]).toEqual(["", "", "", ""]);
});

test("sizes are as people read them", () => {
  expect([999, 1000, 12_345, 999_999, 2_100_000].map((bytes) => bytesOf({ bytes }))).toEqual([
    "999 B",
    "1.0 kB",
    "12.3 kB",
    "1000 kB",
    "2.1 MB",
  ]);
  expect([bytesOf({ bytes: null }), bytesOf({})]).toEqual(["", ""]);
  expect([sizeOf({ width: 4, height: 3 }), sizeOf({ width: 0, height: 3 }), sizeOf({})]).toEqual(["4×3", "", ""]);
});
