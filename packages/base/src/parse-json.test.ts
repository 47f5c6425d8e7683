import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson } from "./parse-json.ts";

test("any JSON is parsed as JSON.parse does", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
      const text = JSON.stringify(value);
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

test("brackets within texts do not nest, and neither do those that close again", () => {
  for (const text of [`["${"[".repeat(500)}\\"", "\\\\"]`, `[${"[],".repeat(500)}[]]`]) {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  }
});

test("nesting without end is refused before it is parsed", () => {
  expect(parseJson("[".repeat(128) + "]".repeat(128))).toBeInstanceOf(Array);
  expect(() => parseJson("[".repeat(1e6))).toThrow("it nests deeper than 128 levels");
  expect(() => parseJson('{"a":'.repeat(1e5))).toThrow(SyntaxError);
});

test("an open text ends with the text", () => {
  for (const text of ['"', '["a', '["\\', ""]) expect(() => parseJson(text)).toThrow(SyntaxError);
});
