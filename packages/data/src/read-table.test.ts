import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readDelimited, readJsonLines, splitRows, type Quoting } from "./read-table.ts";

interface PandasTable {
  readonly text: string;
  readonly separator: string;
  readonly quoting: Quoting;
  readonly columns?: readonly string[];
  readonly rows?: readonly (readonly string[])[];
  /** Where pandas finds a quote that nothing closes. */
  readonly error?: string;
}

/** Written by tools/peers/check_tables.py. */
const tables = JSON.parse(
  readFileSync(new URL("fixtures/tables.json", import.meta.url), "utf8"),
) as readonly PandasTable[];

test("tables of every kind are read as pandas reads them", () => {
  const readable = tables.filter(({ error }) => error === undefined);
  expect(readable.length).toBeGreaterThan(300);
  for (const { text, separator, quoting, columns = [], rows } of readable) {
    const table = readDelimited(text, "t", { separator, quoting });
    expect(table.columns, text).toEqual(columns);
    const kept = table.rows.filter(({ problem }) => problem === undefined);
    expect(
      kept.map(({ cells }) => columns.map((name) => cells.get(name) ?? "")),
      JSON.stringify(text),
    ).toEqual(rows);
  }
});

test("a quote that nothing closes is an error where pandas says so", () => {
  const open = tables.filter(({ error }) => error !== undefined);
  expect(open.length).toBeGreaterThan(10);
  for (const { text, separator, quoting } of open) {
    expect(() => readDelimited(text, "t.csv", { separator, quoting })).toThrow(
      /t\.csv: a value on line \d+ .*set quoting to "none"/,
    );
  }
});

test("rows know their line, whatever ends it", () => {
  const text = 'a,b\r\n\r\n1,"x\ny"\r2,z\n \n3,"p\r\n\rq"\n4,w';
  const { rows } = splitRows(text, { separator: ",", quoting: "standard" });
  expect(rows.map(({ line, values }) => [line, ...values])).toEqual([
    [1, "a", "b"],
    [3, "1", "x\ny"],
    [5, "2", "z"],
    [7, "3", "p\r\n\rq"],
    [10, "4", "w"],
  ]);
});

test("a table is read in time that grows with its length", () => {
  // Text is scanned once, so half a million quotes end; in quadratic time they would not.
  const quotes = `a,b\n${'"'.repeat(2 ** 19)},x\n`;
  const { rows } = splitRows(quotes, { separator: ",", quoting: "standard" });
  expect(rows[1]?.values[0]).toHaveLength(2 ** 18 - 1);
  const ends = splitRows(`a,b\n${"\r".repeat(2 ** 20)}1,2`, { separator: ",", quoting: "none" });
  expect(ends.rows.at(-1)).toEqual({ line: 2 ** 20 + 2, values: ["1", "2"] });
});

test("json lines end as tables' lines do; a line that is no object has a problem", () => {
  const text = '{"a": 1}\r\n{"a": 2}\r{"b": "x\\ry"}\n\n[1]\n{"a": 3';
  const { columns, rows } = readJsonLines(text, "t.jsonl");
  expect(columns).toEqual(["a", "b"]);
  expect(rows.map(({ place, cells }) => [place, Object.fromEntries(cells)])).toEqual([
    ["t.jsonl, line 1", { a: 1 }],
    ["t.jsonl, line 2", { a: 2 }],
    ["t.jsonl, line 3", { b: "x\ry" }],
    ["t.jsonl, line 5", {}],
    ["t.jsonl, line 6", {}],
  ]);
  expect(rows.map(({ problem = "" }) => problem)).toEqual([
    "",
    "",
    "",
    expect.stringMatching(/expected a JSON object/),
    expect.stringMatching(/is not JSON/),
  ]);
});
