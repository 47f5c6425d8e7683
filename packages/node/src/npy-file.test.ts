import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { npyChunks } from "./npy.ts";
import { createNpyWriter, openNpy } from "./npy-file.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-npy-"));
const path = join(folder, "rows.npy");
afterAll(() => rmSync(folder, { recursive: true }));

test("rows that come piece by piece make the file that all at once would make", async () => {
  for (const [dim, pieces] of [
    [3, [2, 1, 0, 7]],
    [1024, [1000, 11]],
    [8, []],
  ] as const) {
    const rows = pieces.reduce((sum: number, count) => sum + count, 0);
    const values = Float32Array.from({ length: rows * dim }, (_, index) => Math.sin(index));
    const writer = await createNpyWriter(path, dim);
    let at = 0;
    for (const count of pieces) {
      await writer.append(values.subarray(at, (at += count * dim)));
    }
    expect(writer.rows).toBe(rows);
    await writer.finish();
    await writer.discard(); // changes nothing any more
    expect(readFileSync(path).equals(Buffer.concat(npyChunks({ values, rows, dim })))).toBe(true);
    const file = await openNpy(path);
    expect([file.rows, file.dim]).toEqual([rows, dim]);
    const chunks: Uint8Array[] = [];
    for await (const chunk of file.chunks()) chunks.push(chunk);
    await file.close();
    expect(Buffer.concat(chunks).equals(new Uint8Array(values.buffer))).toBe(true);
  }
});

test("what is given up leaves nothing, and half a row is refused", async () => {
  const place = join(folder, "none.npy");
  const writer = await createNpyWriter(place, 4);
  await writer.append(new Float32Array(8));
  await expect(writer.append(new Float32Array(6))).rejects.toThrow("rows of 4 values, got 6");
  await writer.discard();
  expect([existsSync(place), existsSync(`${place}.partial`)]).toEqual([false, false]);
  await expect(createNpyWriter(join(folder, "gone", "a.npy"), 4)).rejects.toThrow(/a\.npy cannot be written/);
});

test("files that are cut or of another kind are refused by name", async () => {
  const writer = await createNpyWriter(path, 2);
  await writer.append(new Float32Array(4));
  await writer.finish();
  truncateSync(path, 140);
  await expect(openNpy(path)).rejects.toThrow("found [2, 2] and 140 bytes");
  writeFileSync(path, "nothing like it");
  await expect(openNpy(path)).rejects.toThrow(/rows\.npy: .*another head/);
  await expect(openNpy(join(folder, "missing.npy"))).rejects.toThrow("there is no such file");
});
