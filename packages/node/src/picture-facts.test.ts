import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { createRangeReader } from "./decode-pool/read-range.ts";
import { readPictureFacts } from "./picture-facts.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-facts-"));
const reader = createRangeReader();
afterAll(() => {
  reader.close();
  rmSync(folder, { recursive: true });
});

const plain = () => sharp({ create: { width: 30, height: 20, channels: 3, background: "teal" } });
const factsOf = (bytes: Uint8Array) => readPictureFacts({ bytes }, reader);
const exif = (own: Record<string, string>) => ({ IFD2: own });

test.each([1, 2, 3, 4, 5, 6, 7, 8])("orientation %i is told, sizes as stored", async (orientation) => {
  const turned = plain().withMetadata({ orientation });
  for (const made of [turned.clone().jpeg(), turned.clone().webp(), turned.clone().png()]) {
    expect(await factsOf(await made.toBuffer())).toEqual({ width: 30, height: 20, orientation });
  }
});

test("the date is that of the camera's clock, at its offset where it has one", async () => {
  const taken = { DateTimeOriginal: "2021:07:03 23:30:05" };
  const dated = async (own: Record<string, string>) =>
    (await factsOf(await plain().withExif(exif(own)).jpeg().toBuffer())).takenAt;
  expect(await dated(taken)).toBe(Date.UTC(2021, 6, 3, 23, 30, 5));
  expect(await dated({ ...taken, OffsetTimeOriginal: "+02:00" })).toBe(Date.UTC(2021, 6, 3, 21, 30, 5));
  expect(await dated({ ...taken, OffsetTimeOriginal: "-03:30" })).toBe(Date.UTC(2021, 6, 4, 3, 0, 5));
  expect(await dated({ DateTimeOriginal: "0000:00:00 00:00:00" })).toBe(undefined);
  expect(await dated({ DateTimeOriginal: "last summer" })).toBe(undefined);
});

test("a part of a file is read where it lies; what is damaged says nothing", async () => {
  const bytes = await plain()
    .withExif(exif({ DateTimeOriginal: "2020:01:02 03:04:05" }))
    .jpeg()
    .toBuffer();
  const path = join(folder, "shard.tar");
  writeFileSync(path, Buffer.concat([Buffer.alloc(700), bytes, Buffer.alloc(10)]));
  const facts = await readPictureFacts({ path, offset: 700, length: bytes.length }, reader);
  expect(facts).toEqual({ width: 30, height: 20, orientation: 1, takenAt: Date.UTC(2020, 0, 2, 3, 4, 5) });
  expect(await factsOf(Buffer.alloc(0))).toEqual({ width: 0, height: 0, orientation: 1 });
  expect(await factsOf(Buffer.from("no picture at all"))).toEqual({ width: 0, height: 0, orientation: 1 });
  const broken = Buffer.from(bytes);
  broken.fill(0xff, broken.indexOf("Exif") + 6, broken.indexOf("Exif") + 40);
  expect(await factsOf(broken)).toEqual({ width: 30, height: 20, orientation: 1 });
});
