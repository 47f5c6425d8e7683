import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFileWhole } from "@clip-ts/files";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localStore } from "../shards/local-store.ts";
import { openShardSet, type OpenShardSet } from "../shards/open-shard-set.ts";
import { writeTar, type TarSampleFiles } from "../shards/write-tar.ts";
import { writeTarIndexes } from "../shards/write-tar-indexes.ts";
import { checkSet, markedKeys, sampleMarks } from "./check-set.ts";
import { measureSet } from "./measure-set.ts";

const scratch = await mkdtemp(join(tmpdir(), "clip-ts-survey-"));
afterAll(() => rm(scratch, { recursive: true, force: true }));
const imagesAt = new URL("../fixtures/images/", import.meta.url);

let set: OpenShardSet;
beforeAll(async () => {
  const read = async (name: string): Promise<Uint8Array> => readFile(new URL(name, imagesAt));
  const rgb = await read("rgb.png");
  const larger = sharp(rgb).resize({ width: 180, kernel: "lanczos3" });
  const samples: TarSampleFiles[] = [
    { key: "a", files: { png: rgb, txt: "a red kite over the hill" } },
    { key: "b", files: { jpg: await read("cmyk.jpg"), txt: "ein roter Drachen über dem Hügel" } },
    { key: "c", files: { png: rgb, txt: "the same bytes again" } },
    { key: "d", files: { jpg: await larger.jpeg({ quality: 80 }).toBuffer(), txt: " a red kite over the hill\n" } },
    { key: "e", files: { png: rgb.slice(0, 120), txt: "cut" } },
    { key: "f", files: { jpg: await read("exif-5.jpg"), txt: "" } },
    { key: "g", files: { txt: "no image" } },
    { key: "h", files: { png: await read("palette.png"), txt: "word ".repeat(90), json: '{"alt": "x"}' } },
  ];
  await writeFileWhole(join(scratch, "s.tar"), writeTar(samples));
  await writeTarIndexes(scratch, { store: localStore });
  set = await openShardSet({ kind: "webdataset", path: scratch, store: localStore });
});

test("what is broken or comes twice is found, with its key", async () => {
  const done: number[] = [];
  const found = await checkSet(set, { onSample: (count) => done.push(count) });
  const { marks, reasons, ...numbers } = found;
  expect(numbers).toMatchObject({ samples: 8, broken: 2, withoutCaption: 1, equalImages: 1, equalCaptions: 1 });
  expect(done.at(-1)).toBe(8);
  expect(reasons.map(({ count, examples }) => [count, examples])).toEqual([
    [1, [{ shard: "s", key: "s/e" }]],
    [1, [{ shard: "s", key: "s/g" }]],
  ]);
  const listed: string[] = [];
  const { broken, equal, near, equalCaption } = sampleMarks;
  for await (const { key, marks: own } of markedKeys(set, marks, broken | equal | near)) listed.push(`${key} ${own}`);
  expect(listed).toContain(`s/c ${equal}`);
  expect(listed).toContain(`s/d ${near | equalCaption}`);
  expect(listed).toContain(`s/e ${broken}`);
  expect(listed).toContain(`s/g ${broken}`);
  expect(listed.some((line) => /^s\/[ab] /.test(line))).toBe(false);
});

test("images are measured by their heads, captions by characters, tokens and script", async () => {
  const tokenizer = createClipTokenizer({ contextLength: 1000 });
  const measure = (most: number, captions?: Record<string, number>) =>
    measureSet(set, {
      most,
      captions,
      tokensOf: (caption) => tokenizer.encode(caption).length,
      languageOf: (caption) => (caption.includes("ü") ? "de" : "en"),
    });
  const found = await measure(100);
  expect(found).toMatchObject({ samples: 8, measured: 8, unreadable: 1, withoutCaption: 1, equalCaptions: 1 });
  expect(found.formats.list()).toEqual([
    ["png", 4],
    ["jpg", 3],
  ]);
  expect(found.widths.summary()).toMatchObject({ count: 7, max: 180 });
  expect(found.tokens.summary()).toMatchObject({ count: 7, max: 92 });
  expect(found.tokens.countAbove(77)).toBe(1);
  expect(found.languages.list()).toEqual([
    ["en", 6],
    ["de", 1],
  ]);
  expect(found.names.list()).toEqual([
    ["txt", 8],
    ["json.alt", 1],
  ]);
  expect(await measure(3)).toMatchObject({ samples: 8, measured: 3 });
  expect(await measure(9, { "json.alt": 1 })).toMatchObject({ withoutCaption: 7 });
});
