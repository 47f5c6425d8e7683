import { expect, test } from "vitest";
import { assertFieldKinds, assertFilter, completeFields, hasSameFields } from "./fields.ts";
import { meetsAll } from "./filter/meets-all.ts";
import type { Condition, FieldKinds, FieldValue } from "./vector-index.ts";

const kinds: FieldKinds = { folder: "string", year: "number" };

test("fields that a store could not name are refused by name", () => {
  for (const name of ["", "id", "Vector", "a b", "1st", "größe", "a".repeat(64), "x;drop"]) {
    expect(() => assertFieldKinds({ [name]: "string" })).toThrow(`The field ${JSON.stringify(name)}`);
  }
  expect(() => assertFieldKinds({ Year: "number", year: "number" })).toThrow("capitals alone");
  expect(() => assertFieldKinds({ year: "date" as "string" })).toThrow('got "date"');
  assertFieldKinds(kinds);
});

test("the same fields are the same in any order", () => {
  expect(hasSameFields(kinds, { year: "number", folder: "string" })).toBe(true);
  for (const other of [{ folder: "string" }, { ...kinds, more: "string" }, { ...kinds, year: "string" }] as const) {
    expect(hasSameFields(kinds, other)).toBe(false);
  }
});

test("what a row leaves out is null; unknown fields and other kinds are refused", () => {
  expect(completeFields(kinds, { year: 1999 }, "a")).toEqual({ folder: null, year: 1999 });
  expect(() => completeFields(kinds, { label: "x" }, "a")).toThrow('"label"; the index has folder, year');
  for (const year of ["1999", Number.NaN, Infinity, true as unknown as number]) {
    expect(() => completeFields(kinds, { year }, "a")).toThrow("expected a finite number");
  }
  expect(() => completeFields(kinds, { folder: "\ud800" }, "a")).toThrow("expected a text");
});

test("a condition has to fit its field", () => {
  const wrong: [unknown, string][] = [
    [{ field: "label", is: "equal", value: "x" }, '"label"; the index has folder, year'],
    [{ field: "toString", is: "equal", value: "x" }, '"toString"'],
    [{ field: "year", is: "equal", value: "1999" }, "a finite number"],
    [{ field: "folder", is: "one-of", values: ["a", 1] }, "a text"],
    [{ field: "folder", is: "one-of", values: "a" }, "a list of values"],
    [{ field: "folder", is: "less", value: 1 }, "holds a text"],
    [{ field: "year", is: "starts-with", value: "19" }, "holds a finite number"],
    [{ field: "year", is: "like", value: 1 }, 'got "like"'],
    [{ field: "year", is: "less", value: Number.NaN }, "a finite number"],
  ];
  for (const [condition, words] of wrong) {
    expect(() => assertFilter(kinds, [condition as Condition])).toThrow(words);
  }
  assertFilter(kinds, [{ field: "folder", is: "one-of", values: [] }]);
});

test("null meets not-equal alone, and every condition holds at its border as its name says", () => {
  const holds = (condition: Condition, value: FieldValue): boolean => meetsAll([condition])(() => value);
  const number = (is: "less" | "at-most" | "more" | "at-least"): boolean[] =>
    [1, 2, 3, null].map((value) => holds({ field: "year", is, value: 2 }, value));
  expect(number("less")).toEqual([true, false, false, false]);
  expect(number("at-most")).toEqual([true, true, false, false]);
  expect(number("more")).toEqual([false, false, true, false]);
  expect(number("at-least")).toEqual([false, true, true, false]);
  const text = (condition: Condition): boolean[] => ["ab", "Ab", "", null].map((value) => holds(condition, value));
  expect(text({ field: "folder", is: "equal", value: "ab" })).toEqual([true, false, false, false]);
  expect(text({ field: "folder", is: "not-equal", value: "ab" })).toEqual([false, true, true, true]);
  expect(text({ field: "folder", is: "one-of", values: ["ab", ""] })).toEqual([true, false, true, false]);
  expect(text({ field: "folder", is: "one-of", values: [] })).toEqual([false, false, false, false]);
  expect(text({ field: "folder", is: "starts-with", value: "a" })).toEqual([true, false, false, false]);
  expect(text({ field: "folder", is: "starts-with", value: "" })).toEqual([true, true, true, false]);
  expect(meetsAll([])(() => null)).toBe(true);
});
