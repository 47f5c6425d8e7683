import { isClipError } from "@clip-ts/base";
import { expect, test } from "vitest";
import { assertPlainData, assertSizes } from "./own-tower.ts";

test("what JSON holds is plain data", () => {
  const value = { a: 1, b: [true, null, { c: "text" }], left: undefined };
  expect(() => assertPlainData(value, "settings")).not.toThrow();
});

test.each([
  ["a function", { a: { f: () => 1 } }, "settings.a.f"],
  ["an object of a class", { a: [new Map()] }, "settings.a.0"],
  ["NaN", { rate: Number.NaN }, "settings.rate"],
  ["a gap in a list", [undefined], "settings.0"],
])("%s is none", (_, value, path) => {
  let caught: unknown;
  try {
    assertPlainData(value, "settings");
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error("expected a ClipError");
  expect(caught.code).toBe("bad-config");
  expect(caught.message).toMatch(new RegExp(`^${path} should be plain data`, "u"));
});

test("sizes are whole numbers", () => {
  expect(() => assertSizes({ width: 3, pad: 0 }, "The tower", 0)).not.toThrow();
  expect(() => assertSizes({ width: 3, layers: undefined }, "The tower")).toThrow(
    "The tower needs layers, a whole number from 1, got undefined.",
  );
});
