import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { allLines, listedIn } from "./lines.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-lines-"));
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** Lets stdin hold these bytes, in pieces of `size`. */
function giveStdin(bytes: Uint8Array, size: number): void {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.slice(index * size, (index + 1) * size),
  );
  const stream = Readable.from(pieces) as unknown as typeof process.stdin;
  vi.spyOn(process, "stdin", "get").mockReturnValue(stream);
}

test("lines come whole however stdin is cut, with every character but line feeds", async () => {
  const line = fc.string({ unit: "binary" }).map((text) => text.replaceAll(/[\n\r]/g, "\u2028"));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 9 }), async (lines, size) => {
      giveStdin(Buffer.from(lines.map((text) => `${text}\n`).join("")), size);
      const wellFormed = lines.map((text) => Buffer.from(text).toString());
      const unmarked = wellFormed.map((text, index) => (index === 0 ? text.replace(/^\uFEFF/, "") : text));
      expect(await allLines("-")).toEqual(unmarked);
    }),
  );
});

test("Windows line ends go, and the last line needs none", async () => {
  giveStdin(Buffer.from("a dog\r\n\r\na cat"), 4);
  expect(await allLines("-")).toEqual(["a dog", "", "a cat"]);
});

test("a list skips blank lines; an empty one and a missing file are errors", async () => {
  const path = join(folder, "labels.txt");
  await writeFile(path, "  dog \n\n\tcat\n");
  expect(await listedIn(path)).toEqual(["dog", "cat"]);
  await writeFile(path, "\n \n");
  await expect(listedIn(path)).rejects.toThrow(/labels\.txt is empty/);
  await expect(listedIn(join(folder, "gone.txt"))).rejects.toThrow(/gone\.txt cannot be read/);
});
