import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFile, writeFileWhole } from "@clip-ts/files";
import { indexTar, readRecord, tarSample } from "@clip-ts/data";
import fc from "fast-check";
import { expect, test } from "vitest";
import { writeTar, type TarSampleFiles } from "./write-tar.ts";

const samples: TarSampleFiles[] = [
  { key: "00000", files: { jpg: Uint8Array.from([255, 216, 1]), txt: "a caption", json: "{}" } },
  { key: "ordner/Größe 東京", files: { png: new Uint8Array(70_000), txt: "süß" } },
  { key: `${"long/".repeat(60)}name`, files: { webp: new Uint8Array(0) } },
  { key: "a.b", files: { txt: "dots" } },
];

async function bytesOf(list: readonly TarSampleFiles[]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(list)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("what is written is read again, by us and by tar", async () => {
  const folder = await mkdtemp(join(tmpdir(), "clip-ts-tar-"));
  try {
    const path = join(folder, "0.tar");
    await writeFileWhole(path, writeTar(samples));
    const file = await openFile(path);
    const index = await indexTar(file, path, { bytes: file.size, version: "" });
    expect(index.leftOut).toEqual([]);
    const read = Array.from({ length: index.samples }, (_, at) => tarSample({ name: "0", path, index }, at));
    const keys = [...samples.slice(0, 3).map(({ key }) => key), "a_b_2e4ce5fd"];
    expect(read.map(({ key }) => key)).toEqual(keys.map((key) => expect.stringMatching(key.slice(0, 3))));
    expect(read.slice(0, 3).map(({ key }) => key)).toEqual(keys.slice(0, 3).map((key) => `0/${key}`));
    const { image } = read[1] ?? {};
    expect(image).toMatchObject({ length: 70_000 });
    await file.close();
    const listed = execFileSync("tar", ["tf", path, "--quoting-style=literal"], { encoding: "utf8" })
      .trim()
      .split("\n");
    expect(listed.slice(0, 5)).toEqual([
      "00000.jpg",
      "00000.txt",
      "00000.json",
      "ordner/Größe 東京.png",
      "ordner/Größe 東京.txt",
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("the same samples give the same bytes; an error in making them ends the file", async () => {
  expect(Buffer.compare(await bytesOf(samples), await bytesOf(samples))).toBe(0);
  async function* failing(): AsyncGenerator<TarSampleFiles> {
    yield* samples;
    throw new Error("no more");
  }
  const read = async (): Promise<void> => {
    for await (const chunk of writeTar(failing())) expect(chunk.byteLength).toBeGreaterThan(0);
  };
  await expect(read()).rejects.toThrow("no more");
});

test("whatever is written is indexed where it lies", async () => {
  const name = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 120 })
    .filter((text) => !/[./\\\0\n]|^__|\ud800|\ufeff/u.test(text));
  const content = fc.uint8Array({ maxLength: 1200 });
  const files = fc.dictionary(fc.constantFrom("jpg", "txt", "mask.png", "json"), content, { minKeys: 1 });
  const list = fc.uniqueArray(fc.record({ key: name, files }), {
    selector: ({ key }) => key,
    maxLength: 6,
    minLength: 1,
  });
  await fc.assert(
    fc.asyncProperty(list, async (samples) => {
      const bytes = await bytesOf(samples);
      const source = {
        size: bytes.byteLength,
        read: async (at: number, length: number) => bytes.subarray(at, at + length),
      };
      const index = await indexTar(source, "t", { bytes: 0, version: "" });
      const read = Array.from({ length: index.samples }, (_, at) => readRecord(index, at));
      const shown = read.map(({ key, files }) => ({
        key,
        files: files.map(({ ending, offset, length }) => [ending, [...bytes.subarray(offset, offset + length)]]),
      }));
      expect(shown).toEqual(
        samples.map(({ key, files }) => ({
          key,
          files: Object.entries(files).map(([ending, of]) => [ending, [...of]]),
        })),
      );
    }),
    { numRuns: 100 },
  );
});
