import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePart, partOf } from "./parts.ts";

test("every item is in exactly one part, and parts differ by at most one item", () => {
  fc.assert(
    fc.property(fc.nat(200), fc.integer({ min: 1, max: 20 }), (count, of) => {
      const items = Array.from({ length: count }, (_, item) => item);
      const parts = Array.from({ length: of }, (_, at) => partOf(items, parsePart(`${at + 1}/${of}`)));
      expect(parts.flat().toSorted((a, b) => a - b)).toEqual(items);
      const sizes = parts.map((part) => part.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

test("without the option all is one part; what is no part is refused", () => {
  expect(parsePart(undefined)).toEqual({ number: 1, of: 1 });
  for (const wrong of ["0/4", "5/4", "1", "1/0", "a/b", "1/4/8", "-1/4", "1.5/4", ""]) {
    expect(() => parsePart(wrong), wrong).toThrow("expected I/N with I from 1 to N");
  }
});
