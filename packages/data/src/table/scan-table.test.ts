import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ByteReader } from "../byte-reader.ts";
import { splitRows, type Quoting } from "../read-table.ts";
import { createRowScanner, type RowRange } from "./scan-rows.ts";
import { scanTable, type TableForm } from "./scan-table.ts";
import { openTableBlock, type TableSample } from "./table-block.ts";

const utf8 = new TextEncoder();
const readerOf = (bytes: Uint8Array): ByteReader => ({
  size: bytes.byteLength,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});

/** Rows that a scanner finds, each by itself, the bytes pushed in pieces; and whether a quote is left open. */
function scanned(text: string, form: { separator: string; quoting: Quoting }, piece: number) {
  const bytes = utf8.encode(text);
  const ranges: RowRange[] = [];
  const scanner = createRowScanner(
    { separator: form.separator.charCodeAt(0), isQuoted: form.quoting === "standard" },
    { rowsPerRange: 1, longestRow: Infinity, range: (range) => void ranges.push(range), tooLong: () => undefined },
  );
  for (let at = 0; at < bytes.byteLength; at += piece) scanner.push(bytes.subarray(at, at + piece));
  const isOpen = scanner.end() !== undefined;
  return { rows: ranges.map(({ start, end }) => new TextDecoder().decode(bytes.subarray(start, end))), isOpen };
}

function checkAgainstSplitRows(text: string, form: { separator: string; quoting: Quoting }, piece: number): void {
  const { rows, openQuote } = splitRows(text, form);
  const { rows: found, isOpen } = scanned(text, form, piece);
  expect(isOpen).toBe(openQuote !== undefined);
  expect(found.map((row) => splitRows(row, form).rows.map(({ values }) => values))).toEqual(
    rows.map(({ values }) => [values]),
  );
}

test("the tables that pandas has read are cut into the same rows", () => {
  const path = new URL("../fixtures/tables.json", import.meta.url);
  const tables = JSON.parse(readFileSync(path, "utf8")) as { text: string; separator: string; quoting: Quoting }[];
  expect(tables.length).toBeGreaterThan(300);
  for (const { text, separator, quoting } of tables) {
    if (separator.charCodeAt(0) < 0x80) checkAgainstSplitRows(text, { separator, quoting }, 3);
  }
});

test("bytes are cut into rows as text is, in pieces of any length", () => {
  const piece = fc.constantFrom('"', '""', ",", "\t", "\r", "\n", "\r\n", " ", "a", "é", "東", "x,y", '"q"');
  const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(""));
  const form = fc.record({ separator: fc.constantFrom(",", "\t", " "), quoting: fc.constantFrom("standard", "none") });
  fc.assert(
    fc.property(text, form, fc.integer({ min: 1, max: 9 }), (text, form, length) => {
      checkAgainstSplitRows(text, form as { separator: string; quoting: Quoting }, length);
    }),
    { numRuns: 500 },
  );
});

/** All rows of a table, block by block. */
async function rowsOf(bytes: Uint8Array, form: TableForm, image?: string) {
  const scan = await scanTable(readerOf(bytes), "t", form);
  const rows: TableSample[] = [];
  for (const { start, end } of scan.blocks) {
    const options = { ...form, label: "t", columns: scan.columns, firstRow: rows.length, image };
    const block = openTableBlock(bytes.subarray(start, end), options);
    rows.push(...Array.from({ length: block.rows }, (_, index) => block.row(index)));
  }
  return { scan, rows };
}

test("rows come in blocks of 4,096", async () => {
  const lines = Array.from({ length: 10_000 }, (_, at) => `${at}.jpg,"caption ${at},\r\nsecond line"\r\n`);
  const { scan, rows } = await rowsOf(utf8.encode(`\uFEFFimage, caption \r\n\r\n${lines.join("")}`), { format: "csv" });
  expect(scan.columns).toEqual(["image", "caption"]);
  expect(scan.blocks.map(({ rows }) => rows)).toEqual([4096, 4096, 1808]);
  expect(rows).toHaveLength(10_000);
  expect(rows[8191]).toEqual({ image: "8191.jpg", texts: { caption: "caption 8191,\r\nsecond line" } });
});

test("rows that say nothing keep their place and say why", async () => {
  const csv = "image,caption,n\na.jpg,A,1\nb.jpg,B,2,3\n,C\nd.jpg\n";
  const { rows } = await rowsOf(utf8.encode(csv), { format: "csv" });
  expect(rows).toEqual([
    { image: "a.jpg", texts: { caption: "A", n: "1" } },
    { reason: expect.stringMatching(/^t, row 2: expected 3 values/), texts: {} },
    { reason: expect.stringMatching(/^t, row 3: expected the path of an image in .*image/), texts: { caption: "C" } },
    { image: "d.jpg", texts: {} },
  ]);
  const jsonl = '{"file_name": "a.jpg", "captions": ["A", 3, "B"], "n": 1}\n\n[1]\n{"file_name": 3}\n{"image"';
  const { rows: lines } = await rowsOf(utf8.encode(jsonl), { format: "jsonl" });
  expect(lines).toEqual([
    { image: "a.jpg", texts: { "captions.0": "A", "captions.2": "B" } },
    { reason: expect.stringMatching(/^t, row 2: expected a JSON object/), texts: {} },
    { reason: expect.stringMatching(/^t, row 3: expected the path/), texts: {} },
    { reason: expect.stringMatching(/^t, row 4: is not JSON/), texts: {} },
  ]);
});

test("what is no UTF-8 is replaced, and said", () => {
  const form = { format: "csv", label: "t", columns: ["image", "text"], firstRow: 0 } as const;
  const block = openTableBlock(Uint8Array.from([...utf8.encode("a.jpg,caf"), 0xe9, 10]), form);
  expect(block.isUtf8).toBe(false);
  expect(block.row(0)).toEqual({ image: "a.jpg", texts: { text: "caf\ufffd" } });
  expect(openTableBlock(utf8.encode("a.jpg,café\n"), form).isUtf8).toBe(true);
});

test("a row of more than 16 MiB is left out and counted", async () => {
  const csv = `image,caption\na.jpg,A\nb.jpg,"${"x".repeat(2 ** 24)}"\nc.jpg,C\n`;
  const { scan, rows } = await rowsOf(utf8.encode(csv), { format: "csv" });
  expect(rows.map((row) => "image" in row && row.image)).toEqual(["a.jpg", "c.jpg"]);
  expect(scan.leftOut).toMatchObject([{ kind: "bad-row", count: 1 }]);
});

test("what is no table is refused with what to do", async () => {
  const refusal = (text: string | Uint8Array, form: TableForm = { format: "csv" }): Promise<unknown> =>
    rowsOf(typeof text === "string" ? utf8.encode(text) : text, form);
  await expect(refusal("")).rejects.toThrow(/t holds no pair/);
  await expect(refusal("image,caption\n")).rejects.toThrow(/t holds no pair/);
  await expect(refusal('image,caption\na.jpg,A\nb.jpg,"open\nc,d\n')).rejects.toThrow(/byte 22.*set quoting to "none"/);
  await expect(refusal(Uint8Array.from([0xff, 0xfe, 65, 0]))).rejects.toThrow(/UTF-16.*UTF-8/);
  await expect(refusal("a;b\n1;2", { format: "csv", separator: "é" })).rejects.toThrow(/one character of ASCII/);
});
