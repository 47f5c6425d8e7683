import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { FileSourceOptions } from "./file-access.ts";
import { leftOutLines } from "./left-out.ts";
import type { PairSource } from "./pair-source.ts";
import { tableSource, type TableSourceOptions } from "./table-source.ts";

/** Files in memory: what is read of a table does not depend on where it lies. */
function holding(bytes: Uint8Array): FileSourceOptions {
  return {
    files: {
      read: () => Promise.resolve(bytes),
      list: () => Promise.reject(new Error("no folders here")),
    },
    decode: () => Promise.reject(new Error("no images here")),
  };
}

type Given = Omit<TableSourceOptions, keyof FileSourceOptions>;

function read(content: string | Uint8Array, options: Given): Promise<PairSource> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return tableSource({ ...holding(bytes), ...options });
}

const pairsOf = ({ records }: PairSource): (readonly [string, ...string[]])[] =>
  records.map(({ key, captions }) => [key, ...captions]);

const expected = [
  ["a.png", "one"],
  ["b.png", "two"],
];

test.each([
  ["pairs.csv", "filepath,title\r\na.png,one\nb.png,two\n"],
  ["pairs.tsv", "filepath\ttitle\r\na.png\tone\nb.png\ttwo\n"],
  ["quoted.csv", 'filepath,title\r\na.png,"one"\nb.png,"two"\n'],
  ["cr.csv", "filepath,title\ra.png,one\rb.png,two"],
  ["all.csv", "filepath,title\na.png,one\r\n\rb.png,two\r"],
  ["mark.csv", "\uFEFFfilepath,title\na.png,one\nb.png,two"],
  ["blank.csv", "\n \nfilepath , title\na.png, one\n\t\n\nb.png,two  \n\n"],
  ["wide.csv", "filepath,title,extra\na.png,one\nb.png,two,3"],
  ["twice.csv", "id,filepath,title,id,,\n1,a.png,one,1,,\n2,b.png,two,2"],
  ["pairs.jsonl", '{"image":"a.png","text":"one"}\r{"image":"b.png","text":"two"}'],
  ["late.jsonl", '{"id":1}\n{"image":"a.png","text":"one"}\n{"image":"b.png","text":["two",""]}'],
])("%s holds two pairs", async (path, text) => {
  expect(pairsOf(await read(text, { path }))).toEqual(expected);
});

test("quotes are read as pandas reads them, or not at all", async () => {
  const text = 'filepath\ttitle\na.png\t"Hello" said the man\nb.png\tan 5" screen\n';
  const path = "pairs.tsv";
  expect(pairsOf(await read(text, { path }))).toEqual([
    ["a.png", "Hello said the man"],
    ["b.png", 'an 5" screen'],
  ]);
  expect(pairsOf(await read(text, { path, quoting: "none" }))).toEqual([
    ["a.png", '"Hello" said the man'],
    ["b.png", 'an 5" screen'],
  ]);
  const open = 'filepath,title\na.png,one\nb.png,"two\nc.png,three\n';
  await expect(read(open, { path: "open.csv" })).rejects.toThrow(
    /open\.csv: a value on line 3 .* opens a double quote that nothing closes; .*quoting to "none"/,
  );
  const literal = await read(open, { path: "open.csv", quoting: "none" });
  expect(pairsOf(literal)[1]).toEqual(["b.png", '"two']);
});

test.each([";", "|", "\t", " ", "^", "]", "-", "\\", "§"])("separator %j", async (separator) => {
  const rows = [["filepath", "title"], ...expected].map((row) => row.join(separator));
  const options = { path: "pairs.txt", format: "csv", separator } as const;
  expect(pairsOf(await read(rows.join("\n"), options))).toEqual(expected);
});

test("what is no separator is refused, and a header that looks cut elsewhere names it", async () => {
  for (const separator of ["", ", ", '"', "\n", "\r"]) {
    const asked = read("filepath,title\na,b", { path: "a.csv", separator });
    await expect(asked).rejects.toThrow(/separator must be one character/);
  }
  const semi = read("filepath;title\na.png;one, two, three\n", { path: "semi.csv" });
  await expect(semi).rejects.toThrow('looks separated by ";": set separator to ";"');
});

test("text is read packed, in several parts, and in UTF-16 with its mark", async () => {
  const text = "filepath,title\na.png,one\nb.png,two\n";
  const packed = gzipSync(text);
  expect(pairsOf(await read(packed, { path: "pairs.csv.gz" }))).toEqual(expected);
  expect(pairsOf(await read(packed, { path: "PAIRS.CSV.GZ" }))).toEqual(expected);
  expect(pairsOf(await read(packed, { path: "pairs.csv" }))).toEqual(expected);
  const parts = Buffer.concat([gzipSync(text.slice(0, 20)), gzipSync(text.slice(20))]);
  expect(pairsOf(await read(parts, { path: "pairs.csv.gz" }))).toEqual(expected);
  const wide = Buffer.from(`\uFEFF${text}`, "utf16le");
  expect(pairsOf(await read(wide, { path: "pairs.csv" }))).toEqual(expected);
  expect(pairsOf(await read(Buffer.from(wide).swap16(), { path: "pairs.csv" }))).toEqual(expected);
});

test("damaged packing is said to be that", async () => {
  const packed = gzipSync("filepath,title\na.png,one\n".repeat(200));
  const cut = read(packed.subarray(0, packed.length - 20), { path: "cut.csv.gz" });
  await expect(cut).rejects.toMatchObject({ code: "bad-data", message: /cut\.csv\.gz is damaged/ });
  const worse = Uint8Array.from(packed, (byte, at) => (at > 15 && at < 40 ? 0xff : byte));
  await expect(read(worse, { path: "w.csv.gz" })).rejects.toThrow(/w\.csv\.gz is damaged/);
  const plain = read(new TextEncoder().encode("no gzip"), { path: "a.xml.gz" });
  await expect(plain).rejects.toThrow(/name it \.csv, \.tsv or \.jsonl, or one of these with \.gz/);
});

test("rows that say nothing are left out and counted", async () => {
  const csv = await read("filepath,title\na.png,one\nb.png,\n,three\nc.png,x,y\nd.png,two\n", {
    path: "p.csv",
  });
  expect(pairsOf(csv)).toEqual([
    ["a.png", "one"],
    ["d.png", "two"],
  ]);
  expect(leftOutLines(csv.leftOut ?? [])).toEqual([
    "left out: 2 rows that cannot be used, 1 caption that is empty",
    '  p.csv, line 4: expected one image in "filepath", found ""',
    "  p.csv, line 5: expected 2 values (filepath, title), found 3; a value that holds the " +
      "separator or a line break is put in double quotes",
    '  p.csv, line 3: expected text in "title", found ""',
  ]);
  const lines = [
    { image: "a.png", text: ["one", " ", "two"] },
    { image: "b.png", text: null },
    { image: "c.png", text: 7 },
    { image: ["d.png"], text: "x" },
    { image: "e.png", text: [] },
    { text: "x" },
  ];
  const text = `${lines.map((line) => JSON.stringify(line)).join("\n")}\n{"image"\n[1]`;
  const jsonl = await read(text, { path: "p.jsonl" });
  expect(pairsOf(jsonl)).toEqual([["a.png", "one", "two"]]);
  expect(jsonl.leftOut?.map(({ kind, count }) => [kind, count])).toEqual([
    ["bad-row", 5],
    ["empty-caption", 3],
  ]);
});

test("text stays as it stands: no word of it means that there is none", async () => {
  const words = ["NA", "null", "None", "nan", "007", "1e5", "True", "-"];
  const rows = words.map((word, index) => `${index}.png,${word}`);
  const source = await read(`filepath,title\n${rows.join("\n")}`, { path: "p.csv" });
  expect(source.records.map(({ captions: [caption] }) => caption)).toEqual(words);
  expect(source.leftOut).toEqual([]);
});

test("one row too many to leave out is a refusal that names the first five", async () => {
  const rows = (bad: number): string =>
    Array.from({ length: 30 }, (_, index) => `${index}.png,${index < bad ? "" : "x"}`).join("\n");
  const of = (bad: number, options = {}): Promise<PairSource> =>
    read(`filepath,title\n${rows(bad)}`, { path: "p.csv", ...options });
  await expect(of(10)).resolves.toMatchObject({ records: { length: 20 } });
  await expect(of(11)).rejects.toThrow(
    /^p\.csv: 11 of 30 rows cannot be used, and no more than 10 may be left out(.|\n)*line 2: (.|\n)*line 6: [^\n]*$/,
  );
  await expect(of(11, { maxSkipped: "50%" })).resolves.toMatchObject({ records: { length: 19 } });
  await expect(of(1, { maxSkipped: 0 })).rejects.toThrow(/no more than 0/);
  await expect(of(30, { maxSkipped: "100%" })).rejects.toThrow(/so nothing is left/);
});
