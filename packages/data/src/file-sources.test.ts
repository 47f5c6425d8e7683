import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DecodeImage, FileAccess } from "./file-access.ts";
import { folderSource } from "./folder-source.ts";
import { joinSources, type PairSource } from "./pair-source.ts";
import { tableSource } from "./table-source.ts";

const files: FileAccess = {
  read: (path) => readFile(path),
  async list(directory) {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  },
};

const decode: DecodeImage = async (bytes) => {
  const image = sharp(bytes).removeAlpha().raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), width: info.width, height: info.height, channels: 3 };
};

let root = "";
let png: Uint8Array;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clip-ts-data-"));
  const background = { r: 200, g: 30, b: 40 };
  png = await sharp({ create: { width: 5, height: 4, channels: 3, background } })
    .png()
    .toBuffer();
});
afterAll(() => rm(root, { recursive: true }));

let count = 0;
/** A new folder that holds these files; an empty text stands for an image. */
async function folderWith(contents: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(root, `${count++}`);
  await mkdir(folder);
  for (const [name, text] of Object.entries(contents)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text === "" ? png : text);
  }
  return folder;
}

const captionsOf = ({ records }: PairSource): Record<string, readonly string[]> =>
  Object.fromEntries(records.map(({ key, captions }) => [key, captions]));

test("a folder's images take their captions from the text file of the same name", async () => {
  const directory = await folderWith({
    "b.PNG": "",
    "b.txt": "\uFEFFa red card\r\n\r\n  a crimson card \na red card\n",
    "deep/er/a.png": "",
    "deep/er/a.txt": "hidden treasure",
    "notes.txt": "not a caption",
    ".cache/c.png": "",
  });
  const source = await folderSource({ directory, files, decode });
  expect(captionsOf(source)).toEqual({
    "b.PNG": ["a red card", "a crimson card"],
    "deep/er/a.png": ["hidden treasure"],
  });
  const first = source.records.at(0)!;
  const pixels = await first.loadImage();
  expect([pixels.width, pixels.height, ...pixels.data.slice(0, 3)]).toEqual([5, 4, 200, 30, 40]);
  expect(first.path).toBe(`${directory}/b.PNG`);
});

test("class folders become captions through templates", async () => {
  const directory = await folderWith({
    "train/golden_retriever/1.png": "",
    "train/cat/2.png": "",
    "train/cat/3.png": "",
    "train/cat/3.txt": "my own cat",
  });
  const templates = ["a photo of a {}", "{}"];
  const source = await folderSource({ directory, files, decode, templates });
  expect(captionsOf(source)).toEqual({
    "train/cat/2.png": ["a photo of a cat", "cat"],
    "train/cat/3.png": ["my own cat"],
    "train/golden_retriever/1.png": ["a photo of a golden retriever", "golden retriever"],
  });
  expect(source.records.map(({ concept }) => concept)).toEqual(["cat", undefined, "golden retriever"]);
});

test("folder errors say what was looked for and where", async () => {
  const load = async (
    contents: Readonly<Record<string, string>>,
    templates: readonly string[] = [],
  ): Promise<PairSource> => folderSource({ directory: await folderWith(contents), files, decode, templates });
  await expect(load({})).rejects.toThrow(/no image in .*: looked for \.jpg, .*folders below/);
  await expect(load({ "readme.txt": "hi" })).rejects.toThrow(/no image/);
  await expect(load({ "a.png": "" })).rejects.toThrow(/a\.png has no caption: expected .*a\.txt/);
  await expect(load({ "a.png": "" }, ["a {}"])).rejects.toThrow(/inside a folder that names/);
  await expect(load({ "a.png": "", "a.txt": " \n" })).rejects.toThrow(/a\.txt is empty/);
  await expect(folderSource({ directory: join(root, "nowhere"), files, decode })).rejects.toMatchObject({
    code: "not-found",
    message: expect.stringMatching(/cannot list the folder .*nowhere: ENOENT/),
  });
});

test("images that lack a caption are left out and counted, and so is what is no image", async () => {
  const directory = await folderWith({
    "00000/0.jpg": "",
    "00000/0.txt": "one",
    "00000/0.json": "{}",
    "00000/1.jpg": "",
    "00000/1.txt": "\n",
    "00000/2.jpg": "",
    "00000/2.TXT": "three\n\n\nthree more\n\n",
    "00000/3.jpg": "",
    "00000/4.jfif": "",
    "00000/4.txt": "five",
    "lone.txt": "no image",
    "._a.jpg": "",
  });
  await writeFile(join(directory, "00000", "latin.txt"), new Uint8Array([0xe9]));
  await writeFile(join(directory, "00000", "latin.png"), png);
  const source = await folderSource({ directory, files, decode });
  expect(captionsOf(source)).toEqual({
    "00000/0.jpg": ["one"],
    "00000/2.jpg": ["three", "three more"],
    "00000/4.jfif": ["five"],
  });
  const counts = source.leftOut?.map(({ kind, count }) => [kind, count]);
  expect(counts).toEqual([
    ["empty-caption", 1],
    ["no-caption", 1],
    ["unreadable-caption", 1],
    ["blank-line", 3],
    ["hidden", 1],
    ["ending .json", 1],
    ["ending .txt", 1],
  ]);
  await expect(folderSource({ directory, files, decode, maxSkipped: 2 })).rejects.toThrow(
    /3 of 6 images have no caption, and no more than 2 may be left out(.|\n)*1\.txt is empty/,
  );
  // With a template the image without a text file has a caption; the empty file is still no caption.
  const { records } = await folderSource({ directory, files, decode, templates: ["a {}"] });
  expect(records.map(({ captions }) => captions)).toContainEqual(["a 00000"]);
  expect(records).toHaveLength(4);
});

/** The source of one table beside an image `img/a.png`. */
async function table(
  name: string,
  text: string,
  options: Partial<Parameters<typeof tableSource>[0]> = {},
): Promise<PairSource> {
  const directory = await folderWith({ [name]: text, "img/a.png": "" });
  return tableSource({ path: join(directory, name), files, decode, ...options });
}

test("csv: quoting, several rows of one image, paths relative to the table", async () => {
  const source = await table(
    "pairs.csv",
    'id,filepath,title\n1,img/a.png,"red, ""very"" red\nand flat"\n2,img/a.png,a card\n\n3,img/b.png,other\n',
  );
  expect(captionsOf(source)).toEqual({
    "img/a.png": ['red, "very" red\nand flat', "a card"],
    "img/b.png": ["other"],
  });
  expect((await source.records.at(0)!.loadImage()).width).toBe(5);
  await expect(source.records.at(1)!.loadImage()).rejects.toThrow(/ENOENT/);
});

test("tsv, other column names, other delimiters and absolute paths", async () => {
  const tsv = await table("pairs.tsv", "image\tcaption\nimg/a.png\tone, two\n");
  expect(captionsOf(tsv)).toEqual({ "img/a.png": ["one, two"] });
  const absolute = join(root, "elsewhere.png");
  const custom = await table("pairs.list", `where;what\n${absolute};red\n`, {
    format: "csv",
    separator: ";",
    imageColumn: "where",
    captionColumn: "what",
  });
  expect(custom.records[0]).toMatchObject({ path: absolute, captions: ["red"] });
});

test("jsonl: captions as text or as a list", async () => {
  const lines = [
    { image: "img/a.png", caption: ["one", "two", "one"] },
    { image: "img/b.png", caption: "three", extra: 1 },
    { image: "img/a.png", caption: "four" },
  ];
  const source = await table("pairs.jsonl", lines.map((line) => JSON.stringify(line)).join("\r\n"));
  expect(captionsOf(source)).toEqual({
    "img/a.png": ["one", "two", "four"],
    "img/b.png": ["three"],
  });
});

test.each([
  ["a.csv", "filepath,words\nx,y\n", /a column one of "title", "caption", "text"; it has "filepath", "words"$/],
  ["a.csv", "filepath\ttitle\nx\ty\n", /looks separated by tabs: set separator to "\\t"$/],
  ["a.csv", "filepath,title\nx\n", /line 2: expected text in "title", found nothing/],
  ["a.csv", 'filepath,title\nx,"y\n', /a value on line 2 .*set quoting to "none"/],
  ["a.csv", "title,filepath,title\nx,y,z\n", /names the column "title" twice/],
  ["a.csv", "filepath,title\nx, \n", /line 2: expected text in "title", found " "/],
  ["a.csv", "filepath,title\n", /holds no pair; expected a header/],
  ["a.csv", "\n", /holds no pair/],
  ["a.csv", "filepath,title\nx,y,z\n", /line 2: expected 2 values \(filepath, title\), found 3/],
  ["a.jsonl", '\n\n{"image":"x"', /line 3: is not JSON/],
  ["a.jsonl", '{"image":"x"}', /expected a column one of .*; it has "image"/],
  ["a.jsonl", '{"image":"x","caption":[]}', /line 1: expected text in "caption", found \[\]/],
  ["a.jsonl", '{"image":["x","z"],"caption":"y"}', /line 1: expected one image/],
  ["a.jsonl", "[1]", /line 1: expected a JSON object/],
  ["a.xml", "<a/>", /name it \.csv, \.tsv or \.jsonl/],
])("%s: %j is refused with a reason", async (name, text, reason) => {
  await expect(table(name, text)).rejects.toThrow(reason);
});

test("a column that was asked for by name is not replaced by another", async () => {
  const asked = table("a.csv", "filepath,title\nx,y\n", { captionColumn: "titel" });
  await expect(asked).rejects.toThrow(/expected a column "titel"; it has "filepath", "title"/);
});

test("text that is not UTF-8 and a missing table are told apart", async () => {
  const directory = await folderWith({});
  const path = join(directory, "latin.csv");
  await expect(tableSource({ path, files, decode })).rejects.toThrow(/cannot read .*latin\.csv/);
  await writeFile(path, new Uint8Array([0x66, 0xe9, 0x2c]));
  await expect(tableSource({ path, files, decode })).rejects.toThrow(/not UTF-8/);
});

test("joined sources keep equal file names apart", async () => {
  const one = await table("pairs.csv", "image,text\nimg/a.png,one\n");
  const two = await table("pairs.csv", "image,text\nimg/a.png,two\n");
  const joined = joinSources([one, two]);
  expect(joined.records.map(({ key }) => key)).toEqual([`${one.label}/img/a.png`, `${two.label}/img/a.png`]);
  expect((await joined.records.at(1)!.loadImage()).height).toBe(4);
  expect(joinSources([one])).toBe(one);
  expect(() => joinSources([one, one])).toThrow(/two records have the key/);
  expect(() => joinSources([])).toThrow(/found none/);
});
