import fc from "fast-check";
import { expect, test } from "vitest";
import { assertDistinctIds, assertId, compareIds } from "./ids.ts";

test("ids are in the order of their bytes in UTF-8", () => {
  const encoder = new TextEncoder();
  const byBytes = (a: string, b: string): number => Buffer.compare(encoder.encode(a), encoder.encode(b));
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      expect(Math.sign(compareIds(a, b))).toBe(byBytes(a, b));
    }),
  );
  expect(compareIds("\uffff", "\u{10000}")).toBeLessThan(0);
});

test("an id is a text that comes back the same; none comes twice", () => {
  for (const id of ["", "\ud83d", "a\udc00", 1, null, undefined]) {
    expect(() => assertId(id)).toThrow("Expected a text of one character or more");
  }
  for (const id of [" ", "\u0000", "日本/😀 '\"; DROP TABLE rows --"]) assertId(id);
  expect(() => assertDistinctIds(["a", "b", "a"])).toThrow('"a" comes twice');
});
