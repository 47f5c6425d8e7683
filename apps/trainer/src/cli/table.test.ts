import { expect, test } from "vitest";
import { percent, table } from "./text.ts";

test("names stand left, numbers right, and no line ends in spaces", () => {
  const rows = [
    ["", "R@1"],
    ["image to text", percent(0.931)],
    ["chance", percent(1 / 3), ""],
  ];
  expect(table(rows).split("\n")).toEqual(["                  R@1", "image to text  93.1 %", "chance         33.3 %"]);
});
