import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ByteReader } from "../byte-reader.ts";
import { readTexts } from "../shards/read-texts.ts";
import type { BytesPlace, Sample } from "../shards/shard-set.ts";
import { cutName } from "./group.ts";
import { indexTar } from "./index-tar.ts";
import { readIndexHead, readTarIndex, versionSum, writeTarIndex } from "./tar-index-file.ts";
import { tarSample } from "./tar-shard.ts";
import { walkTar, type TarEntry } from "./walk-tar.ts";

/** Written by tools/peers/make_shard_fixtures.py with Python's tarfile. */
const folder = new URL("../fixtures/shards/", import.meta.url);
const fixture = (name: string): Uint8Array => readFileSync(new URL(name, folder));
const told = JSON.parse(readFileSync(new URL("shards.json", folder), "utf8")) as {
  readonly tars: Readonly<Record<string, readonly Record<string, unknown>[]>>;
};

const readerOf = (bytes: Uint8Array): ByteReader => ({
  size: bytes.byteLength,
  read: async (offset, length) => bytes.subarray(offset, offset + length),
});
const facts = { bytes: 0, version: "1" };

/** Every sample of a tar, and its bytes at a place. */
async function samplesOf(name: string, bytes = fixture(name), images?: readonly string[]) {
  const index = await indexTar(readerOf(bytes), name, facts);
  const shard = { name: name.replace(/\.tar$/, ""), path: name, index, images };
  const samples = Array.from({ length: index.samples }, (_, number) => tarSample(shard, number));
  const bytesAt = async (place: BytesPlace): Promise<Uint8Array> =>
    "bytes" in place ? place.bytes : bytes.subarray(place.offset, place.offset + place.length);
  return { index, samples, bytesAt };
}
const kindsOf = (leftOut: readonly { readonly kind: string; readonly count: number }[]): unknown =>
  Object.fromEntries(leftOut.map(({ kind, count }) => [kind, count]));
const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8;

test("a shard as img2dataset writes it is read in full", async () => {
  const { index, samples, bytesAt } = await samplesOf("00000.tar");
  expect(index.leftOut).toEqual([]);
  const expected = told.tars["00000.tar"] ?? [];
  expect(samples.map(({ key }) => key)).toEqual(expected.map(({ key }) => `00000/${String(key)}`));
  for (const [number, { image, texts }] of samples.entries()) {
    expect(await readTexts(texts, bytesAt)).toEqual(expected[number]?.["texts"]);
    const bytes = await bytesAt(image as BytesPlace);
    expect(bytes).toHaveLength(expected[number]?.["image"] as number);
    expect(isJpeg(bytes)).toBe(true);
  }
});

test("entries lie where tarfile finds them, whatever their names are", async () => {
  for (const name of ["odd.tar", "gnu.tar"]) {
    const entries: TarEntry[] = [];
    for await (const entry of walkTar(readerOf(fixture(name)), name)) entries.push(entry);
    const found = entries.map((entry) => ({ ...entry, file: entry.type === "0" }));
    expect(
      found.map((entry) => ({ name: entry.name, offset: entry.offset, size: entry.size, file: entry.file })),
    ).toEqual(told.tars[name]);
  }
});

/** A header and its content, in whole blocks. */
function entry(name: string, type: string, content: string): Buffer {
  const blocks = Buffer.alloc(512 * (1 + Math.ceil(content.length / 512)));
  blocks.write(name, 0);
  blocks.write(content.length.toString(8).padStart(11, "0"), 124);
  blocks.write(`        ${type}ustar\0`, 148, "latin1");
  const sum = blocks.reduce((before, byte) => before + byte, 0);
  blocks.write(sum.toString(8).padStart(6, "0"), 148);
  blocks.write(content, 512);
  return blocks;
}

test("a long name stays where a pax header says something else of the entry", async () => {
  const long = `${"deep/".repeat(30)}a.jpg`;
  const headers = [
    entry("long", "L", `${long}\0`),
    entry("pax", "x", "11 mtime=1\n"),
    entry("short.jpg", "0", "bytes"),
  ];
  const tar = Buffer.concat([...headers, Buffer.alloc(1024)]);
  const entries: TarEntry[] = [];
  for await (const found of walkTar(readerOf(tar), "mixed.tar")) entries.push(found);
  expect(entries).toEqual([{ name: long, offset: 2560, size: 5, type: "0", isSparse: false }]);
});

test("what is no part of a sample is counted by reason", async () => {
  const { index, samples, bytesAt } = await samplesOf("odd.tar");
  expect(kindsOf(index.leftOut)).toEqual({ special: 2, "unsafe-name": 2, nameless: 2, "second-key": 2 });
  const long = `${"very/".repeat(40)}deep`;
  const keys = ["fo.lder/Größe 東京", long, "masked", "bare", "broken", "textonly", "last"];
  expect(samples.map(({ key }) => key)).toEqual(keys.map((key) => `odd/${key}`));
  const byKey = (key: string): Sample => samples.find((sample) => sample.key === `odd/${key}`) as Sample;
  expect(byKey("textonly").image).toEqual({ reason: expect.stringMatching(/no image: expected .*jpg.*it has txt/) });
  const texts = (key: string) => readTexts(byKey(key).texts, bytesAt);
  expect(await texts("masked")).toEqual({ "json.caption": "a NUL \u0000 and half \ud83d a pair" });
  expect(await texts(long)).toEqual({ "fr.txt": "une image" });
  expect(await texts("bare")).toEqual({});
  expect(await texts("broken")).toEqual({});
  expect(await texts("last")).toEqual({ txt: "latin \ufffd" });
  expect(isJpeg(await bytesAt(byKey("masked").image as BytesPlace))).toBe(true);
});

test("which file is the image can be said", async () => {
  const { samples, bytesAt } = await samplesOf("odd.tar", fixture("odd.tar"), ["mask.png"]);
  const masked = samples.find(({ key }) => key === "odd/masked");
  expect([...(await bytesAt(masked?.image as BytesPlace)).subarray(1, 4)]).toEqual([...Buffer.from("PNG")]);
  expect(samples.filter(({ image }) => "reason" in image)).toHaveLength(samples.length - 1);
});

test("names are cut as webdataset cuts them", () => {
  // base_plus_ext of webdataset 1.0.2, its ending in lower case
  expect(cutName("a/b.c/00.Mask.PNG")).toEqual({ key: "a/b.c/00", ending: "mask.png" });
  expect(cutName("./00.jpg")).toEqual({ key: "00", ending: "jpg" });
  expect(cutName("00")).toBeUndefined();
  expect(cutName("a/.jpg")).toBeUndefined();
  expect(cutName("a.b/")).toBeUndefined();
});

test("a tar that is cut gives what comes before, wherever it is cut", async () => {
  const whole = fixture("00000.tar");
  const { samples: all } = await samplesOf("00000.tar");
  for (let end = 1024; end < 38_000; end += 997) {
    const { index, samples } = await samplesOf("00000.tar", whole.subarray(0, end));
    expect(samples.map(({ key }) => key)).toEqual(all.slice(0, samples.length).map(({ key }) => key));
    expect(kindsOf(index.leftOut), String(end)).toEqual({ "cut-short": 1 });
  }
});

test("what is no tar is refused with what to do", async () => {
  const refusal = (bytes: Uint8Array): Promise<unknown> => samplesOf("x.tar", bytes);
  await expect(refusal(Buffer.from([0x1f, 0x8b, ...Buffer.alloc(600)]))).rejects.toThrow(/x\.tar is not a tar.*gunzip/);
  await expect(refusal(Buffer.alloc(600, 65))).rejects.toThrow(/no header/);
  await expect(refusal(Buffer.alloc(0))).rejects.toThrow(/has 0 bytes/);
});

test("an index is read as it was written, and made anew once a bit of it is wrong", async () => {
  const { index } = await samplesOf("odd.tar");
  const bytes = writeTarIndex({ ...index, facts: { bytes: 30_720, version: "now" } });
  const head = readIndexHead(bytes.subarray(0, 40));
  expect(head).toEqual({ samples: 7, shardBytes: 30_720, versionSum: versionSum("now") });
  expect(readTarIndex(bytes)).toEqual({ ...index, facts: { bytes: 30_720, version: "now" } });
  for (let at = 0; at < bytes.byteLength; at++) {
    const damaged = Uint8Array.from(bytes);
    damaged[at] = (damaged[at] ?? 0) ^ 4;
    expect(readTarIndex(damaged)).toBeUndefined();
  }
  for (let end = 0; end < bytes.byteLength; end += 7) expect(readTarIndex(bytes.subarray(0, end))).toBeUndefined();
});
