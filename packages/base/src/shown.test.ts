import { expect, test } from "vitest";
import { shown } from "./errors.ts";

test("what is short is JSON", () => {
  for (const value of [null, true, 1.5, 'a "b"', [1, "x", null], { a: { b: [1] } }, [], {}]) {
    expect(shown(value)).toBe(JSON.stringify(value));
  }
  expect([shown(undefined), shown(Number.NaN), shown(12n)]).toEqual(["undefined", "null", "12"]);
});

test("what is long or deep is cut, however long or deep it is", () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  expect(shown(deep)).toBe("[[[[…]]]]");
  expect(shown({ a: { b: { c: { d: { e: 1 } } } } })).toBe('{"a":{"b":{"c":{…}}}}');
  expect(shown(Array.from({ length: 1e6 }, () => 1))).toBe("[1,1,1,1,1,1,1,1,…]");
  expect(shown("x".repeat(1e6))).toHaveLength(123);
  const wide = Array.from({ length: 8 }, () => "y".repeat(1e5));
  expect(shown({ ["z".repeat(1e6)]: wide }).length).toBeLessThan(250);
});
