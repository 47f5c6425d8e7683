import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pairSource, walkSamples, type PairSource, type ShardSet } from "@clip-ts/data";
import { writeFileWhole } from "@clip-ts/files";
import { parquetReadObjects } from "hyparquet";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRangeReader } from "../decode-pool/read-range.ts";
import { localStore } from "../shards/local-store.ts";
import { openShardSet } from "../shards/open-shard-set.ts";
import type { ShardSetKind } from "../shards/shard-kinds.ts";
import { writeTar, type TarSampleFiles } from "../shards/write-tar.ts";
import { writeTarIndexes } from "../shards/write-tar-indexes.ts";
import { prepareShards } from "./prepare-shards.ts";
import { shardsOfPairs } from "./shards-of-pairs.ts";

const pictures = fileURLToPath(new URL("../fixtures/images", import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), "clip-ts-prepare-"));
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** A picture of its own for each number, of 40 x (20 + number) pixels. */
async function picture(number: number, format: "jpeg" | "png" | "webp" = "jpeg"): Promise<Uint8Array> {
  const background = { r: (number * 37) % 256, g: (number * 91) % 256, b: 90 };
  return sharp({ create: { width: 40, height: 20 + number, channels: 3, background } })
    .toFormat(format)
    .toBuffer();
}

/** 25 samples in two tars, two of them broken; keys of the second tar are those of the first. */
async function writeSource(folder: string): Promise<void> {
  const samples: TarSampleFiles[] = [];
  for (let number = 0; number < 25; number++) {
    const key = String(number % 15).padStart(4, "0");
    const jpg = number === 6 ? Buffer.from("no picture") : (await picture(number)).slice(0, number === 17 ? 200 : 9999);
    const json = JSON.stringify({ caption: `c ${number}`, width: 40 });
    samples.push({ key, files: { jpg, txt: `text ${number}`, json } });
  }
  await writeFileWhole(join(folder, "0.tar"), writeTar(samples.slice(0, 15)));
  await writeFileWhole(join(folder, "1.tar"), writeTar(samples.slice(15)));
  await writeTarIndexes(folder, { store: localStore });
}

const source = join(scratch, "source");
beforeAll(async () => {
  await cp(pictures, source, { recursive: true, filter: (path) => path === pictures });
  await writeSource(source);
});

const open = (kind: ShardSetKind, path: string) =>
  openShardSet({ kind, path, store: localStore, cacheFolder: join(scratch, "cache") });

/** Keys, captions, and sizes of images, as the tars are read again. */
async function contentOf(set: ShardSet): Promise<string[]> {
  const reader = createRangeReader();
  const lines: string[] = [];
  for await (const line of walkSamples(set, async ({ key, image, texts }) => {
    if ("reason" in image || "bytes" in image || !("files" in texts)) return `${key} ?`;
    const { format, width, height } = await sharp(reader.read(image)).metadata();
    const endings = texts.files.map(({ ending }) => ending).join("+");
    return `${key} ${format} ${width}x${height} ${endings}`;
  })) {
    lines.push(line);
  }
  reader.close();
  return lines;
}

/** All files but indexes, which hold a tar's time. */
async function filesIn(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => !name.endsWith(".idx")).toSorted();
  const read = names.map(async (name) => [name, (await readFile(join(folder, name))).toString("base64")]);
  return Object.fromEntries(await Promise.all(read));
}

test("tars become tars of other sizes: bytes and keys kept, broken ones counted, all that belongs beside", async () => {
  const out = join(scratch, "kept");
  const set = await open("webdataset", source);
  const shards = await prepareShards({ set, out, samples: 10 });
  expect(shards.map(({ name, count, samples, tars, renamed }) => [name, count, samples, tars, renamed])).toEqual([
    ["00000", 10, 9, 1, 0],
    ["00001", 10, 9, 1, 0],
    ["00002", 5, 5, 1, 0],
  ]);
  expect(shards.flatMap(({ leftOut }) => leftOut)).toEqual([
    {
      kind: "unreadable-image",
      count: 1,
      examples: [{ name: "0/0006", reason: "0/0006 is not a readable image" }],
    },
    { kind: "unreadable-image", count: 1, examples: [{ name: "1/0002", reason: "1/0002 is not a readable image" }] },
  ]);
  expect(JSON.parse(await readFile(join(out, "sizes.json"), "utf8"))).toEqual({
    "00000.tar": 9,
    "00001.tar": 9,
    "00002.tar": 5,
  });
  const made = await open("webdataset", out);
  const content = await contentOf(made);
  expect(content.slice(5, 7)).toEqual(["00000/0005 jpeg 40x25 txt+json", "00000/0007 jpeg 40x27 txt+json"]);
  expect(content).toHaveLength(23);
  expect(content.at(-1)).toBe("00002/0009 jpeg 40x44 txt+json");
  const file = await readFile(join(out, "00002.parquet"));
  const rows = await parquetReadObjects({ file: file.buffer.slice(file.byteOffset, file.byteOffset + file.length) });
  expect(rows[0]).toEqual({
    key: "0005",
    width: 40,
    height: 40,
    caption: "text 20",
    txt: "text 20",
    "json.caption": "c 20",
  });
});

test("parts make the same files as the whole; what is whole is kept; other settings are refused", async () => {
  const set = await open("webdataset", source);
  const whole = join(scratch, "whole");
  await prepareShards({ set, out: whole, samples: 4, size: 16 });
  const parts = join(scratch, "parts");
  for (const number of [3, 1, 2])
    await prepareShards({ set, out: parts, samples: 4, size: 16, part: { number, of: 3 } });
  expect(await filesIn(parts)).toEqual(await filesIn(whole));
  await Promise.all(["00002_stats.json", "00002.parquet"].map((name) => rm(join(parts, name))));
  await writeFile(join(parts, "00002.tar"), "half a tar");
  await writeFile(join(parts, "00005.tar.partial"), "half a tar");
  const untouched = (await stat(join(parts, "00001.tar"))).mtimeMs;
  const again = await prepareShards({ set, out: parts, samples: 4, size: 16, concurrency: 1 });
  expect(again.filter(({ wasKept }) => !wasKept).map(({ name }) => name)).toEqual(["00002"]);
  await rm(join(parts, "00005.tar.partial"));
  expect(await filesIn(parts)).toEqual(await filesIn(whole));
  expect((await stat(join(parts, "00001.tar"))).mtimeMs).toBe(untouched);
  await expect(prepareShards({ set, out: parts, samples: 5, size: 16 })).rejects.toThrow(
    /prepared otherwise \(samples 4, now 5\): name another folder/,
  );
  await expect(prepareShards({ set, out: parts, samples: 4, part: { number: 4, of: 3 } })).rejects.toThrow(/no part 4/);
  await expect(prepareShards({ set, out: parts, samples: 0 })).rejects.toThrow(/samples must be a whole number/);
});

test("bytes end a tar, the rest goes on in more of them", async () => {
  const out = join(scratch, "bytes");
  const set = await open("webdataset", source);
  const shards = await prepareShards({ set, out, samples: 10, bytes: 1200 });
  expect(shards.reduce((sum, { tars }) => sum + tars, 0)).toBeGreaterThan(6);
  const made = await open("webdataset", out);
  expect(made.groups[0]!.shards.reduce((sum, { samples }) => sum + samples, 0)).toBe(23);
  const sizes = JSON.parse(await readFile(join(out, "sizes.json"), "utf8")) as Record<string, number>;
  expect(Object.keys(sizes)).toContain("00000-1.tar");
  expect(Object.values(sizes).reduce((sum, samples) => sum + samples, 0)).toBe(23);
});

test("what is to be skipped, and keys that come twice in a shard", async () => {
  const out = join(scratch, "skipped");
  const set = await open("webdataset", source);
  const [shard] = await prepareShards({ set, out, skip: new Set(["0/0000", "1/0002", "elsewhere"]) });
  expect(shard).toMatchObject({ count: 25, samples: 22, skipped: 2, renamed: 7 });
  const keys = (await contentOf(await open("webdataset", out))).map((line) => line.split(" ")[0]);
  expect(keys).toContain("00000/0001_2");
  expect(new Set(keys).size).toBe(22);
});

test("a folder and a table become tars; formats change where that is wanted", async () => {
  const folder = join(scratch, "folder");
  await cp(pictures, folder, { recursive: true, filter: (path) => !/\.(?:json|py)$|bomb/.test(path) });
  await writeFile(join(folder, "rgb.txt"), "colours");
  const files = await open("folder", folder);
  const out = join(scratch, "from-folder");
  const [shard] = await prepareShards({ set: files, out, size: 16 });
  expect(shard!.samples).toBe(shard!.count);
  const content = await contentOf(await open("webdataset", out));
  expect(content).toContain("00000/rgb jpeg 23x16 txt");
  expect(content).toContain("00000/rgba png 23x16 ");

  await writeFile(
    join(folder, "list.csv"),
    "image,title,alt\nrgb.png,one,eins\ncmyk.jpg,two,zwei\nnone.png,three,drei\n",
  );
  const table = await open("csv", join(folder, "list.csv"));
  const tables = join(scratch, "from-table");
  const [rows] = await prepareShards({ set: table, out: tables, format: "webp", keepsWholeKeys: true });
  expect(rows).toMatchObject({ count: 3, samples: 2, renamed: 0 });
  expect(await contentOf(await open("webdataset", tables))).toEqual([
    "00000/list/0 webp 45x31 txt+json",
    "00000/list/1 webp 45x31 txt+json",
  ]);
});

test("pairs of any source become PNGs with the very same pixels", async () => {
  const data = Uint8Array.from({ length: 4 * 3 * 2 }, (_, at) => at * 9);
  const pair = {
    key: "a.b",
    captions: ["one", "two"],
    loadImage: async () => ({ data, width: 3, height: 2, channels: 4 as const }),
  };
  const broken = { key: "c", captions: ["three"], loadImage: () => Promise.reject(new Error("gone")) };
  const pairs: PairSource = pairSource("pairs", [pair, broken]);
  const out = join(scratch, "from-pairs");
  const [shard] = await prepareShards({ set: shardsOfPairs(pairs), out });
  expect(shard).toMatchObject({ count: 2, samples: 1, renamed: 1 });
  const set = await open("webdataset", out);
  const reader = createRangeReader();
  for await (const { image } of walkSamples(set, async (sample) => sample)) {
    if (!("path" in image)) throw new Error("expected a part of a file");
    expect([...(await sharp(reader.read(image)).raw().toBuffer())]).toEqual([...data]);
  }
  reader.close();
});
