import { expect, test } from "vitest";
import { gemmOf, gemmReason, libraryName } from "./compile.ts";
import { gemmChoices, operationsVersion, type GemmChoice } from "./constants.ts";

test("the library is named after its operations' version and TensorFlow's", () => {
  expect(libraryName("2.21.0")).toBe(`clip_ts_operations_${operationsVersion}_2.21.0.node`);
});

test.each(Object.entries(gemmChoices))("a library that says %s, %i, is understood", (name, gemm) => {
  expect(gemmOf({ gemm })).toBe(name);
  expect(gemmReason(name as GemmChoice)).toMatch(/^\S.*\S$/);
});

test("a library that says nothing of GEMM has none", () => {
  expect(gemmOf({})).toBe("otherPlatform");
});
