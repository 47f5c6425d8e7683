import { expect, test } from "vitest";
import { ClipError, isClipError } from "./errors.ts";

test("carries a code, data and a cause", () => {
  const cause = new Error("disk full");
  const error = new ClipError("bad-data", "The file is empty.", { data: { path: "a.csv" }, cause });
  expect(error).toMatchObject({
    code: "bad-data",
    name: "ClipError",
    message: "The file is empty.",
  });
  expect(error.data).toEqual({ path: "a.csv" });
  expect(error.cause).toBe(cause);
  expect(error).toBeInstanceOf(Error);
});

test("has empty data and no cause unless given", () => {
  const error = new ClipError("not-found", "No such model.");
  expect(error.data).toEqual({});
  expect("cause" in error).toBe(false);
});

test("is told from other errors, also when it comes from another copy of the package", () => {
  class OtherCopy extends Error {
    override readonly name = "ClipError";
    readonly code = "bad-shape";
  }
  expect(isClipError(new ClipError("bad-shape", "x"))).toBe(true);
  expect(isClipError(new OtherCopy("x"))).toBe(true);
  for (const other of [new Error("x"), new TypeError("x"), { name: "ClipError" }, "x", null]) {
    expect(isClipError(other)).toBe(false);
  }
});
