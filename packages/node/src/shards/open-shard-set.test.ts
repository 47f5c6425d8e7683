import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { crc32 } from "@clip-ts/base";
import { readTexts, type BytesPlace, type LeftOut, type Sample, type ShardSet } from "@clip-ts/data";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { localStore } from "./local-store.ts";
import { openShardSet, type ShardSetOptions } from "./open-shard-set.ts";
import { writeTarIndexes } from "./write-tar-indexes.ts";

/** Written by tools/peers/make_shard_fixtures.py. */
const fixtures = fileURLToPath(new URL("../../../data/src/fixtures/shards/", import.meta.url));
const told = JSON.parse(readFileSync(join(fixtures, "shards.json"), "utf8"));

let root = "";
let folder = "";
let number = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clip-ts-shards-"));
});
beforeEach(() => {
  folder = join(root, String(number++));
  mkdirSync(folder);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const copy = (name: string, as = name): string => {
  const path = join(folder, as);
  copyFileSync(join(fixtures, name), path);
  return path;
};
const open = (options: Omit<ShardSetOptions, "store">) => openShardSet({ store: localStore, ...options });

async function bytesAt(place: BytesPlace): Promise<Uint8Array> {
  if ("bytes" in place) return place.bytes;
  return readFileSync(place.path).subarray(place.offset, place.offset + place.length);
}
const textsOf = (sample: Sample) => readTexts(sample.texts, bytesAt);

/** Everything in a set. */
async function readAll(set: ShardSet) {
  const found: { key: string; texts: Readonly<Record<string, string>>; image: string | undefined; reason?: string }[] =
    [];
  for (const shard of set.groups.flatMap(({ shards }) => shards)) {
    const opened = await shard.open();
    for (let index = 0; index < shard.samples; index++) {
      const sample = await opened.sample(index);
      const isThere = !("reason" in sample.image);
      const image = isThere ? Buffer.from(await bytesAt(sample.image as BytesPlace)).toString("hex") : undefined;
      const reason = "reason" in sample.image ? sample.image.reason : undefined;
      found.push({ key: sample.key, texts: await textsOf(sample), image, ...(reason !== undefined && { reason }) });
    }
    await opened.close();
  }
  expect(new Set(found.map(({ key }) => key)).size).toBe(found.length);
  return found;
}

test("a folder of img2dataset is counted by its stats, read in full and indexed as it is read", async () => {
  copy("00000.tar");
  copy("00000_stats.json");
  const set = await open({ kind: "webdataset", path: folder });
  expect(set.groups.map(({ shards }) => shards.map(({ name, samples }) => [name, samples]))).toEqual([[["00000", 12]]]);
  const found = await readAll(set);
  expect(found.map(({ key, texts }) => ({ key, texts }))).toEqual(
    told.tars["00000.tar"].map(({ key, texts }: { key: string; texts: unknown }) => ({ key: `00000/${key}`, texts })),
  );
  expect(statSync(join(folder, "00000.idx")).size).toBeGreaterThan(40);
  rmSync(join(folder, "00000_stats.json"));
  const again = await open({ kind: "webdataset", path: join(folder, "{00000..00000}.tar") });
  expect(again.fingerprint).toBe(set.fingerprint);
});

test.each([
  ["sizes.json", '{"00000.tar": 12, "total": "x"}'],
  ["index.json", '{"wids_version": 1, "shardlist": [{"url": "https://x.test/a/00000.tar", "nsamples": 12}]}'],
  [".nv-meta/.info.yaml", "energon_version: 1\nshard_counts:\n  00000.tar: 12\n  1.tar: 3\nother: 1\n"],
  [".nv-meta/.info.json", '{"shard_counts": {"00000.tar": 12}}'],
])("counts of other programs are read: %s", async (name, content) => {
  copy("00000.tar");
  mkdirSync(join(folder, ".nv-meta"));
  writeFileSync(join(folder, name), content);
  const set = await open({ kind: "webdataset", path: join(folder, "*.tar") });
  expect(set.groups[0]?.shards[0]?.samples).toBe(12);
});

test("shards that nothing counts are refused with the command; an index is made once and used", async () => {
  const first = copy("00000.tar");
  copy("gnu.tar", "00001.tar");
  const path = join(folder, "{00000..00001}.tar");
  await expect(open({ kind: "webdataset", path })).rejects.toThrow(/2 of 2 shards.*clip-ts data index .*00001\}\.tar/);
  const made = await writeTarIndexes(path, { store: localStore });
  expect(made.map(({ samples, wasKept }) => [samples, wasKept])).toEqual([
    [12, false],
    [2, false],
  ]);
  const again = await writeTarIndexes(path, { store: localStore });
  expect(again.map(({ samples, wasKept }) => [samples, wasKept])).toEqual([
    [12, true],
    [2, true],
  ]);
  const set = await open({ kind: "webdataset", path });
  expect((await readAll(set)).length).toBe(14);

  // a copy with another time is the same set until it is read, then indexed anew; a damaged index is made anew
  const index = join(folder, "00000.idx");
  const before = readFileSync(index);
  const damaged = Buffer.from(before);
  damaged[60] = 0;
  writeFileSync(index, damaged);
  expect((await readAll(await open({ kind: "webdataset", path }))).length).toBe(14);
  expect(readFileSync(index)).toEqual(before);
  utimesSync(first, 1, 1);
  expect((await readAll(await open({ kind: "webdataset", path }))).length).toBe(14);
  expect(readFileSync(index)).not.toEqual(before);
  // other bytes are another shard: nothing counts it any more
  appendFileSync(first, Buffer.alloc(512));
  await expect(open({ kind: "webdataset", path })).rejects.toThrow(/1 of 2 shards/);
});

test("a shard that is cut gives what comes before, and says so", async () => {
  truncateSync(copy("00000.tar"), 20_000);
  copy("00000_stats.json");
  const [notices, leftOut]: [string[], (readonly LeftOut[])[]] = [[], []];
  const onNotice = (notice: string): void => void notices.push(notice);
  const onLeftOut = (_: string, found: readonly LeftOut[]): void => void leftOut.push(found);
  const found = await readAll(await open({ kind: "webdataset", path: folder, onNotice, onLeftOut }));
  const whole = found.filter(({ reason }) => reason === undefined);
  expect(found).toHaveLength(12);
  expect(whole.length).toBeGreaterThan(2);
  expect(whole.length).toBeLessThan(12);
  expect(found.at(-1)?.reason).toMatch(/said to have it, but has \d+ samples/);
  expect(notices).toEqual([expect.stringMatching(/said to have 12 samples, it has \d/)]);
  expect(leftOut).toEqual([[expect.objectContaining({ kind: "cut-short", count: 1 })]]);
});

test("indexes go to the cache folder where there is one and shards' folders are not ours", async () => {
  const place = copy("00000.tar");
  mkdirSync(join(folder, "00000.idx")); // nothing can be written there
  const cacheFolder = join(folder, "cache");
  const [made] = await writeTarIndexes(place, { store: localStore, cacheFolder });
  expect(made?.isKept).toBe(true);
  const set = await open({ kind: "webdataset", path: place, cacheFolder });
  expect(set.groups[0]?.shards[0]?.samples).toBe(12);
});

test("groups have weights; another set has another fingerprint", async () => {
  const [a, b] = [join(folder, "a"), join(folder, "b")];
  for (const place of [a, b]) {
    mkdirSync(place);
    copyFileSync(join(fixtures, "00000.tar"), join(place, "0.tar"));
    writeFileSync(join(place, "sizes.json"), '{"0.tar": 12}');
    utimesSync(join(place, "0.tar"), 1, 1);
  }
  const set = await open({
    kind: "webdataset",
    path: [
      { path: a, weight: 2 },
      { path: b, weight: 0.5 },
    ],
  });
  expect(set.groups.map(({ label, weight, shards }) => [label, weight, shards[0]?.name])).toEqual([
    [a, 2, "a/0"],
    [b, 0.5, "b/0"],
  ]);
  expect((await readAll(set)).length).toBe(24);
  const joined = await open({ kind: "webdataset", path: `${a}::${b}` });
  expect(joined.groups.map(({ weight }) => weight)).toEqual([1, 1]);
  expect(joined.fingerprint).not.toBe(set.fingerprint);
  utimesSync(join(a, "0.tar"), 2, 2);
  expect((await open({ kind: "webdataset", path: `${a}::${b}` })).fingerprint).not.toBe(joined.fingerprint);
  await expect(open({ kind: "webdataset", path: [{ path: a, weight: 0 }] })).rejects.toThrow(/weight above 0, got 0/);
  await expect(open({ kind: "webdataset", path: join(folder, "{7..9}.tar") })).rejects.toThrow(/there is no shard/);
  await expect(open({ kind: "webdataset", path: join(folder, "x*.tar") })).rejects.toThrow(/stands for no file/);
});

test.each(["snappy", "zstd", "none"])("row groups of Parquet are shards: %s", async (codec) => {
  const path = copy(`${codec}.parquet`);
  const cacheFolder = join(folder, "cache");
  const set = await open({ kind: "parquet", path, cacheFolder });
  expect(set.groups[0]?.shards.map(({ name, samples }) => [name, samples])).toEqual(
    [0, 1, 2].map((at) => [`${codec}/${at}`, at === 2 ? 2 : 4]),
  );
  const found = await readAll(set);
  const expected = told.parquets[`${codec}.parquet`] as { text: string | null; image: string | null }[];
  expect(found.map(({ image }) => image ?? null)).toEqual(expected.map(({ image }) => image));
  expect(found.map(({ texts }) => texts["text"] ?? null)).toEqual(expected.map(({ text }) => text));
  expect(found[4]?.reason).toMatch(/row group 1, row 0 has no image/);
});

test("rows of Parquet and of tables name images beside them", async () => {
  copy("a.jpg");
  const image = readFileSync(join(fixtures, "a.jpg")).toString("hex");
  const parquet = await readAll(await open({ kind: "parquet", path: copy("paths.parquet") }));
  expect(parquet.map(({ image, texts }) => [image, texts["caption"]])).toEqual([
    [image, "A"],
    [undefined, "B"],
    [undefined, "C"],
  ]);
  expect(parquet[1]?.reason).toMatch(/there is no file .*sub\/b\.jpg/);

  const rows = 'filepath,title\na.jpg,"A, quoted\nover lines"\nb.jpg,B\n';
  writeFileSync(join(folder, "t.csv"), rows);
  const csv = await readAll(await open({ kind: "csv", path: join(folder, "t.csv") }));
  expect(csv.map(({ key, image, texts }) => [key, image, texts["title"]])).toEqual([
    ["t/0", image, "A, quoted\nover lines"],
    ["t/1", undefined, "B"],
  ]);
  writeFileSync(join(folder, "t.tsv.gz"), gzipSync(rows.replace(",", "\t").replace("a.jpg,", "a.jpg\t")));
  await expect(open({ kind: "tsv", path: join(folder, "t.tsv.gz") })).rejects.toThrow(/gunzip.*cacheFolder/);
  const packed = await open({ kind: "tsv", path: join(folder, "t.tsv.gz"), cacheFolder: join(folder, "cache") });
  expect((await readAll(packed))[0]).toEqual({ key: "t/0", image, texts: { title: "A, quoted\nover lines" } });
  writeFileSync(join(folder, "t.jsonl"), `{"image": ${JSON.stringify(join(folder, "a.jpg"))}, "text": "A"}\n`);
  expect(await readAll(await open({ kind: "jsonl", path: join(folder, "t.jsonl") }))).toEqual([
    { key: "t/0", image, texts: { text: "A" } },
  ]);
  await expect(open({ kind: "csv", path: join(folder, "t.csv"), image: "picture" })).rejects.toThrow(
    /a column of paths of images, one of \["picture"\]; it has \["filepath","title"\]/,
  );
});

test("where a table's rows lie is found out once, if there is a cache folder", async () => {
  const path = join(folder, "t.csv");
  writeFileSync(path, "image,text\na.jpg,A\nb.jpg,B\n");
  const cacheFolder = join(folder, "cache");
  const texts = async () =>
    (await readAll(await open({ kind: "csv", path, cacheFolder }))).map(({ texts }) => texts["text"]);
  expect(await texts()).toEqual(["A", "B"]);
  const [name = ""] = readdirSync(join(cacheFolder, "tables"));
  const kept = readFileSync(join(cacheFolder, "tables", name), "utf8");
  // what is kept is what is used, unless it is damaged or the table has changed
  const json = kept.slice(8).replace('"rows":2', '"rows":1');
  const write = (sum: string): void => writeFileSync(join(cacheFolder, "tables", name), sum + json);
  write(crc32(Buffer.from(json)).toString(16).padStart(8, "0"));
  expect(await texts()).toEqual(["A"]);
  write("00000000");
  expect(await texts()).toEqual(["A", "B"]);
  write(crc32(Buffer.from(json)).toString(16).padStart(8, "0"));
  appendFileSync(path, "c.jpg,C\n");
  expect(await texts()).toEqual(["A", "B", "C"]);
});

test("a store that can neither list nor give parts will do", async () => {
  const { facts, readSmall, hold, close } = localStore;
  const store = { facts, readSmall, hold, close };
  copy("00000.tar");
  copy("snappy.parquet");
  await writeTarIndexes(join(folder, "00000.tar"), { store });
  const tars = await openShardSet({ kind: "webdataset", path: join(folder, "{00000..00000}.tar"), store });
  expect((await readAll(tars)).length).toBe(12);
  const parquet = await openShardSet({ kind: "parquet", path: join(folder, "snappy.parquet"), store });
  expect((await readAll(parquet)).length).toBe(10);
  await expect(openShardSet({ kind: "webdataset", path: folder, store })).rejects.toThrow(/cannot be listed.*braces/);
});

test("shards of MosaicML streaming are read, packed ones refused with what to do", async () => {
  mkdirSync(join(folder, "mds"));
  for (const name of ["index.json", "shard.00000.mds"]) copy(`mds/${name}`);
  const found = await readAll(await open({ kind: "mds", path: `${folder}/mds/` }));
  expect(found.map(({ image, texts }) => ({ image, caption: texts["caption"] }))).toEqual(told.mds);
  expect(found[1]).toMatchObject({ key: "mds/shard.00000/1", texts: { "info.json.alt": "alt 1" } });
  const index = readFileSync(join(folder, "mds/index.json"), "utf8");
  writeFileSync(join(folder, "mds/index.json"), index.replace('"compression": null', '"compression": "zstd"'));
  await expect(open({ kind: "mds", path: join(folder, "mds") })).rejects.toThrow(/packed \(zstd\).*data prepare/);
});

test("images below a folder are shards of 4,096", async () => {
  mkdirSync(join(folder, "sub"));
  copy("a.jpg");
  copy("a.jpg", "sub/b.jpg");
  writeFileSync(join(folder, "sub/b.txt"), "a caption");
  const found = await readAll(await open({ kind: "folder", path: folder }));
  expect(found.map(({ key, texts }) => [key.split("/").slice(1).join("/"), texts])).toEqual([
    ["a.jpg", {}],
    ["sub/b.jpg", { txt: "a caption" }],
  ]);
});
