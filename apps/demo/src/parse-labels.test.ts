import { expect, test } from "vitest";
import { parseLabels } from "./parse-labels.ts";

test("labels stand one a line or between commas", () => {
  expect(parseLabels("a cat, a dog\n a house \r\nthe sea")).toEqual([
    "a cat",
    "a dog",
    "a house",
    "the sea",
  ]);
});

test("blanks and repetitions are left out", () => {
  expect(parseLabels("cat,, dog,\n\n cat ,")).toEqual(["cat", "dog"]);
  expect(parseLabels(" \n,")).toEqual([]);
});
