import { isClipError } from "@clip-ts/base";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatQuery } from "./format-query.ts";
import { parseQuery } from "./parse-query.ts";
import type { QueryTerm } from "./query.ts";

const text = (value: string, weight = 1): QueryTerm => ({ kind: "text", value, weight });
const picture = (value: string, weight = 1): QueryTerm => ({ kind: "picture", value, weight });
const row = (value: string, weight = 1): QueryTerm => ({ kind: "row", value, weight });

function messageOf(query: string): string {
  try {
    parseQuery(query);
  } catch (error) {
    if (isClipError(error)) return error.message;
    throw error;
  }
  return "";
}

describe("parseQuery", () => {
  test.each([
    "a red heart",
    "black-and-white photo",
    "t-shirt",
    "C++ and C#",
    "don't look up, and run",
    "-5 degrees",
    "beach -people",
    "beach+sunset",
    'a 12" pizza, 6" deep',
    'a sign that says "stop - go" at night',
    "16:9 screen at 9:30",
    "x – ray",
    "mail to me@home, 3 @ 2",
    "夕焼けのビーチ＋海",
    "пляж на закате",
    "a \u{1F468}\u200D\u{1F680} in space",
  ])("reads %s as one text", (words) => {
    expect(parseQuery(`  ${words}\n`).terms).toEqual([text(words)]);
  });

  test.each<[string, QueryTerm[]]>([
    ['"beach" + "sunset" - people', [text("beach"), text("sunset"), text("people", -1)]],
    ['"beach"+"sunset"-"people"', [text("beach"), text("sunset"), text("people", -1)]],
    ["“beach” + „Strand“", [text("beach"), text("Strand")]],
    ["x - ray", [text("x"), text("ray", -1)]],
    ["- people + beach", [text("people", -1), text("beach")]],
    ["+ beach", [text("beach")]],
    ['0.5:beach + .25:"red sky" - 2:@a.png', [text("beach", 0.5), text("red sky", 0.25), picture("a.png", -2)]],
    ["beach -0.5:people", [text("beach"), text("people", -0.5)]],
    ['"a ""b"" c"', [text('a "b" c')]],
    ['"7:eleven"', [text("7:eleven")]],
    ['@"my photo.jpg" + in snow', [picture("my photo.jpg"), text("in snow")]],
    [
      "@https://a.example/b+c.jpg?d=1 - @C:\\x-1.jpg",
      [picture("https://a.example/b+c.jpg?d=1"), picture("C:\\x-1.jpg", -1)],
    ],
    ['@id:2024/a.jpg + @id:"b c" + @"id:d"', [row("2024/a.jpg"), row("b c"), picture("id:d")]],
  ])("reads %s", (query, terms) => {
    expect(parseQuery(query).terms).toEqual(terms);
  });

  test.each<[string, number, RegExp]>([
    ["", 1, /expected words or a picture/u],
    ["   ", 4, /expected words or a picture/u],
    ['"beach" +', 10, /expected words or a picture/u],
    ["beach + - people", 9, /expected words or a picture/u],
    ['sea + "beach', 7, /opens here and does not close/u],
    ['a sign "stop', 8, /opens here and does not close/u],
    ['"beach" sunset', 9, /expected \+ or - between/u],
    ['"beach"-people', 8, /expected \+ or - between/u],
    ["@home party", 7, /expected \+ or - between/u],
    ["@ home", 2, /expected a path or an address after "@"/u],
    ["@id: home", 5, /expected an id after "@"/u],
    ['""', 1, /nothing between the quotes/u],
    ['"  "', 1, /nothing between the quotes/u],
    ["beach + 0:people", 9, /a weight of 0/u],
    ["5000:beach", 1, /from 0.001 to 1000, got 5000/u],
    ["beach -@a.png +in snow", 15, /expected \+ or - between/u],
  ])("refuses %s in column %d", (query, column, reason) => {
    const message = messageOf(query);
    expect(message).toMatch(reason);
    expect(message).toContain(`column ${column}:`);
    const [line = "", caret = ""] = message.split("\n").slice(-2);
    expect(line.trim()).toBe(query.trim());
    expect(caret).toBe(`  ${" ".repeat(column - 1)}^`);
  });

  test("shows the place in a long query, and nothing that a terminal would obey", () => {
    const message = messageOf(`${"\u001B[2J\u{1F600}".repeat(50)} + "x`);
    const [line = "", caret = ""] = message.split("\n").slice(-2);
    expect(message).toContain(`column ${50 * 5 + 4}:`);
    expect(message).not.toContain("\u001B");
    expect(Array.from(line)[caret.length - 1]).toBe('"');
    expect(message.length).toBeLessThan(500);
  });

  test("refuses what is only unwanted, too long or of too many terms", () => {
    expect(() => parseQuery("- people")).toThrow(/say also what is wanted/u);
    expect(() => parseQuery("a".repeat(4001))).toThrow(/at most 4000 characters, got 4001/u);
    expect(() => parseQuery(Array.from({ length: 65 }, () => "a").join(" + "))).toThrow(/at most 64 terms, got 65/u);
  });
});

const values = fc
  .oneof(
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc
      .array(fc.constantFrom('"', "“", "”", " ", "+", "-", "@", ":", "id:", "0.5", "a", "\n"), { maxLength: 8 })
      .map((parts) => parts.join("")),
  )
  .filter((value) => value.trim() !== "");
const terms = fc.record({
  kind: fc.constantFrom("text", "picture", "row"),
  value: values,
  weight: fc
    .tuple(fc.oneof(fc.constant(1), fc.double({ min: 0.001, max: 1000, noNaN: true })), fc.boolean())
    .map(([size, wanted]) => (wanted ? size : -size)),
}) as fc.Arbitrary<QueryTerm>;

describe("formatQuery", () => {
  test("writes what is read as the same terms", () => {
    fc.assert(
      fc.property(fc.array(terms, { minLength: 1, maxLength: 5 }), (list) => {
        fc.pre(list.some(({ weight }) => weight > 0));
        expect(parseQuery(formatQuery({ terms: list })).terms).toEqual(list);
      }),
      { numRuns: 2000 },
    );
  });

  test("leaves plain words plain, and any text is read or refused", () => {
    expect(formatQuery(parseQuery("a black-and-white photo"))).toBe("a black-and-white photo");
    expect(formatQuery({ terms: [text("a - b")] })).toBe('"a - b"');
    expect(formatQuery(parseQuery("- 2:people + beach"))).toBe('- 2:"people" + "beach"');
    fc.assert(
      fc.property(values, (value) => {
        if (messageOf(value) !== "") return;
        const { terms } = parseQuery(value);
        expect(parseQuery(formatQuery({ terms })).terms).toEqual(terms);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 0, 1e9])("refuses the weight %d", (weight) => {
    expect(() => formatQuery({ terms: [text("a", weight)] })).toThrow(/weight/u);
  });
});
