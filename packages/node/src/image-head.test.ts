import { readdir, readFile } from "node:fs/promises";
import { differenceHash } from "@clip-ts/data";
import { expect, test } from "vitest";
import { decodeImage } from "./decode-image.ts";
import { readImageHead } from "./image-head.ts";

const folder = new URL("fixtures/images/", import.meta.url);

test("heads tell format and size as decoding does", async () => {
  const names = (await readdir(folder)).filter((name) => /\.(?:png|jpg)$/.test(name) && name !== "bomb.png");
  expect(names.length).toBeGreaterThan(15);
  for (const name of names) {
    const bytes = await readFile(new URL(name, folder));
    const { width, height } = await decodeImage(bytes, name);
    expect([name, readImageHead(bytes)]).toEqual([name, { format: name.slice(-3), width, height }]);
  }
});

test("what is no image has no head", () => {
  expect(readImageHead(new Uint8Array(0))).toBeUndefined();
  expect(readImageHead(Buffer.from("no image at all, but some text"))).toBeUndefined();
  expect(readImageHead(Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 0, 2]))).toBeUndefined();
});

test("hashes of what images look like are those of Pillow's pixels", async () => {
  const expected = JSON.parse(
    await readFile(new URL("fixtures/difference-hashes.json", import.meta.url), "utf8"),
  ) as Record<string, string>;
  for (const [name, hash] of Object.entries(expected)) {
    const pixels = await decodeImage(await readFile(new URL(name, folder)), name);
    expect([name, differenceHash(pixels).toString(16).padStart(16, "0")]).toEqual([name, hash]);
  }
});

test("a file cut after its first letters has no size, whatever lies behind it in its buffer", () => {
  const behind = Buffer.from("GIF89a\u0007\u0000\u0007\u0000and more", "latin1");
  expect(readImageHead(behind)).toMatchObject({ width: 7, height: 7 });
  expect(readImageHead(behind.subarray(0, 6))).toBeUndefined();
});
