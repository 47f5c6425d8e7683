import { expect, test, vi } from "vitest";
import { clusteredVectors, indexRows, scanAll, unit } from "../fixtures/conformance/material.ts";
import type { IndexFiles } from "../index-files.ts";
import { memoryFiles } from "../memory-files.ts";
import type { VectorIndex } from "../vector-index.ts";
import { openFlatIndex } from "./flat-index.ts";
import { isMergedMeanwhile } from "./segments.ts";

const dim = 4;
const open = (files: IndexFiles, dtype?: "f32" | "int8"): Promise<VectorIndex> =>
  openFlatIndex({ dim, fields: { at: "number" }, files, ...(dtype === undefined ? {} : { dtype }) });

/** An index of three files: what it is, then two rows in each of two changes. */
async function threeFiles(): Promise<IndexFiles> {
  const files = memoryFiles();
  const index = await open(files);
  const rows = clusteredVectors(4, dim, 1).map((vector, at) => ({ id: `r${at}`, vector, fields: { at } }));
  await index.add(indexRows(rows.slice(0, 2), dim));
  await index.add(indexRows(rows.slice(2), dim));
  await index.close();
  return files;
}

const names = [
  "rows-0000000001-0000000001.flat",
  "rows-0000000002-0000000002.flat",
  "rows-0000000003-0000000003.flat",
] as const;

test("a file that lost or changed a byte anywhere is refused by name", async () => {
  const files = await threeFiles();
  const name = names[1];
  const whole = (await files.read(name)) ?? new Uint8Array();
  const damages = [
    new Uint8Array(),
    whole.slice(0, 12),
    whole.slice(0, -1),
    Uint8Array.from([...whole, 0]),
    ...Array.from(whole, (_, at) => whole.map((byte, other) => (other === at ? byte ^ 64 : byte))),
  ];
  for (const damage of damages) {
    await files.write(name, [damage]);
    const refused = { code: "bad-data", message: expect.stringContaining(`${name} is damaged`) as string };
    await expect(open(files)).rejects.toMatchObject(refused);
  }
  await files.write(name, [whole]);
  expect(await (await open(files)).count()).toBe(4);
});

test("a file that is missing is noticed", async () => {
  for (const name of names.slice(0, 2)) {
    const files = await threeFiles();
    await files.remove(name);
    await expect(open(files)).rejects.toMatchObject({ code: "bad-data", message: expect.stringContaining("missing") });
  }
});

test("what an interrupted merge left over is removed, and only that", async () => {
  const files = await threeFiles();
  const before = new Map(await Promise.all(names.map(async (name) => [name, await files.read(name)] as const)));
  const index = await open(files);
  await index.remove(["r0"]);
  await index.compact();
  await index.close();
  expect(await files.list()).toEqual(["rows-0000000001-0000000004.flat"]);
  for (const [name, bytes] of before) await files.write(name, [bytes ?? new Uint8Array()]);
  await files.write("notes.txt", [Uint8Array.of(1)]);
  const again = await open(files);
  expect((await scanAll(again)).map(({ id }) => id)).toEqual(["r1", "r2", "r3"]);
  expect((await files.list()).toSorted()).toEqual(["notes.txt", "rows-0000000001-0000000004.flat"]);
});

test("what was left over stays while the file that took its place is damaged", async () => {
  const files = await threeFiles();
  await files.write("rows-0000000001-0000000003.flat", [Uint8Array.of(1, 2, 3)]);
  await expect(open(files)).rejects.toMatchObject({ code: "bad-data" });
  expect(await files.list()).toHaveLength(4);
});

test("any number of small changes leaves few files and loses none", async () => {
  const files = memoryFiles();
  const index = await open(files);
  const [vector = unit([1])] = clusteredVectors(1, dim, 2);
  for (let at = 0; at < 600; at++) {
    await index.add(indexRows([{ id: `r${at % 400}`, vector, fields: { at } }], dim));
    if (at % 5 === 4) await index.remove([`r${(at - 3) % 400}`]);
    expect((await files.list()).length).toBeLessThan(50);
  }
  const rows = await scanAll(index);
  await index.close();
  const again = await open(files);
  expect(await scanAll(again)).toEqual(rows);
  // 0, 2, 3, 4 of each five, of which the first 200 came twice.
  expect(rows.map(({ fields }) => fields["at"]).toSorted((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: 400 }, (_, at) => at + 200).filter((at) => at % 5 !== 1),
  );
});

test("numbers of another kind than the files' are refused; where none are asked for, theirs are used", async () => {
  const files = memoryFiles();
  await (await open(files, "int8")).close();
  await expect(open(files, "f32")).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringMatching(/"int8".*"f32"/u) as string,
  });
  const index = await open(files);
  await index.add(indexRows([{ id: "a", vector: unit([1, 0.3, 0, -1]) }], dim));
  const [row] = await index.get(["a"], { withVectors: true });
  expect(row?.vector).not.toEqual(unit([1, 0.3, 0, -1]));
  await expect(open(files, "f16" as "f32")).rejects.toMatchObject({ code: "bad-argument" });
});

test("a second writer of the same files is noticed before anything is overwritten", async () => {
  const files = memoryFiles();
  const [first, second] = [await open(files), await open(files)];
  await first.add(indexRows([{ id: "a", vector: unit([1, 0, 0, 0]) }], dim));
  await expect(second.add(indexRows([{ id: "b", vector: unit([1, 0, 0, 0]) }], dim))).rejects.toMatchObject({
    code: "not-written",
    message: expect.stringContaining("another") as string,
  });
  expect((await scanAll(await open(files))).map(({ id }) => id)).toEqual(["a"]);
});

test("a change that could not be written is not made, and the next one is", async () => {
  const kept = memoryFiles();
  let isFull = false;
  const files: IndexFiles = {
    ...kept,
    write: (name, chunks) => (isFull ? Promise.reject(new Error("the disk is full")) : kept.write(name, chunks)),
  };
  const index = await open(files);
  const row = (id: string): ReturnType<typeof indexRows> => indexRows([{ id, vector: unit([1, 0, 0, 0]) }], dim);
  await index.add(row("a"));
  isFull = true;
  await expect(index.add(row("b"))).rejects.toThrow("full");
  await expect(index.remove(["a"])).rejects.toThrow("full");
  await expect(index.compact()).rejects.toThrow("full");
  expect((await scanAll(index)).map(({ id }) => id)).toEqual(["a"]);
  isFull = false;
  await index.add(row("c"));
  await index.compact();
  expect((await scanAll(await open(kept))).map(({ id }) => id)).toEqual(["a", "c"]);
});

test("compacting again writes nothing", async () => {
  const files = await threeFiles();
  const index = await open(files);
  await index.compact();
  let writes = 0;
  const counting = { ...files, write: (...args: Parameters<IndexFiles["write"]>) => (writes++, files.write(...args)) };
  await index.close();
  const again = await open(counting);
  await again.compact();
  expect(writes).toBe(0);
});

test("a long search leaves the thread to others meanwhile", async () => {
  const index = await openFlatIndex({ dim: 512, fields: {} });
  const vectors = clusteredVectors(400, 512, 3);
  for (let round = 0; round < 100; round++) {
    await index.add(
      indexRows(
        vectors.map((vector, at) => ({ id: `${round} ${at}`, vector })),
        512,
      ),
    );
  }
  // To a search every step takes long, on however fast a machine.
  let now = Date.now();
  const clock = vi.spyOn(Date, "now").mockImplementation(() => (now += 1000));
  let [isDone, turns] = [false, 0];
  const turn = (): void => {
    turns++;
    if (!isDone) setTimeout(turn, 0);
  };
  setTimeout(turn, 0);
  const searches = Array.from({ length: 20 }, (_, at) => index.search(vectors[at] ?? unit([1]), { count: 1 }));
  await Promise.all(searches);
  isDone = true;
  clock.mockRestore();
  expect(turns).toBeGreaterThan(1);
});

test("a file that another process merged meanwhile is told from damage", async () => {
  const files = await threeFiles();
  const reading = { ...files, read: async (name: string) => (name === names[1] ? undefined : files.read(name)) };
  const refused = await open(reading).catch((error: unknown) => error);
  expect([refused, isMergedMeanwhile(refused)]).toEqual([expect.objectContaining({ code: "bad-data" }), true]);
  await files.write(names[1], [new Uint8Array(9)]);
  const damaged = await open(files).catch((error: unknown) => error);
  expect([damaged, isMergedMeanwhile(damaged)]).toEqual([expect.objectContaining({ code: "bad-data" }), false]);
});
