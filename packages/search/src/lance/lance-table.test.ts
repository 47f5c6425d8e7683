import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connect } from "@lancedb/lancedb";
import { randomStream } from "@clip-ts/base";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { clusteredVectors, idsOf, indexRows, unit, type Row } from "../fixtures/conformance/material.ts";
import type { VectorIndex } from "../vector-index.ts";
import { openLanceIndex } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-lance-"));
afterAll(async () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

let places = 0;
const newPlace = (): string => join(folder, `table-${++places}`);
const dim = 16;
const fields = { n: "number" } as const;

function rowsOf(count: number, seed: number): Row[] {
  return clusteredVectors(count, dim, seed).map((vector, at) => ({ id: `r${at}`, vector, fields: { n: at } }));
}

async function sizeOf(path: string): Promise<number> {
  const names = await readdir(path, { recursive: true });
  const sizes = await Promise.all(names.map(async (name) => stat(join(path, name))));
  return sizes.reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
}

/** LanceDB's own view of a table. */
async function typesOf(place: string): Promise<string[]> {
  const table = await (await connect(place)).openTable("rows");
  return (await table.listIndices()).map(({ columns, indexType }) => `${columns.join(",")}: ${indexType}`).toSorted();
}

test("the index of the vectors follows the number of rows", async () => {
  const place = newPlace();
  const index = await openLanceIndex({ place, dim, fields, indexFrom: 300, quantizeFrom: 800 });
  const rows = rowsOf(1000, 1);
  await index.add(indexRows(rows.slice(0, 299), dim));
  await index.compact();
  expect(await typesOf(place)).toEqual([]);
  await index.add(indexRows(rows.slice(299, 400), dim));
  await index.compact();
  expect(await typesOf(place)).toEqual(["id: BTree", "vector: IvfFlat"]);
  await index.add(indexRows(rows.slice(400), dim));
  await index.compact();
  expect(await typesOf(place)).toEqual(["id: BTree", "vector: IvfRq"]);
  const [found] = await index.search(rows[777]?.vector ?? unit([1]), { count: 1 });
  expect(found?.id).toBe("r777");
  expect(found?.similarity).toBeCloseTo(1, 6);
  await index.remove(rows.slice(0, 900).map(({ id }) => id));
  await index.compact();
  expect(await typesOf(place)).toEqual([]);
  expect(await idsOf(index)).toEqual(rows.slice(900).map(({ id }) => id));
  await index.close();
});

test("through many changes an indexed table holds what a map does", async () => {
  const index = await openLanceIndex({ place: newPlace(), dim, fields, indexFrom: 50 });
  const random = randomStream(3, "changes");
  const vectors = clusteredVectors(400, dim, 2);
  const expected = new Map<string, Row>();
  for (let round = 0; round < 40; round++) {
    const ids = new Set(Array.from({ length: 1 + random.integer(60) }, () => `r${random.integer(300)}`));
    if (random.integer(4) === 0) {
      await index.remove([...ids]);
      for (const id of ids) expected.delete(id);
    } else {
      const rows = [...ids].map((id): Row => {
        return { id, vector: vectors[random.integer(400)] ?? unit([1]), fields: { n: round } };
      });
      await index.add(indexRows(rows, dim));
      for (const row of rows) expected.set(row.id, row);
    }
    if (random.integer(5) === 0) await index.compact();
    const asked = [...ids, `r${random.integer(300)}`];
    const got = await index.get(asked);
    expect(got.map(({ id, fields: kept }) => [id, kept["n"]])).toEqual(
      asked.flatMap((id) => (expected.has(id) ? [[id, expected.get(id)?.fields?.["n"]]] : [])),
    );
    expect(await index.count()).toBe(expected.size);
  }
  expect(new Set(await idsOf(index))).toEqual(new Set(expected.keys()));
  await index.close();
});

test("two openings that add and compact at once lose no row and keep none twice", async () => {
  const place = newPlace();
  const open = async (): Promise<VectorIndex> => openLanceIndex({ place, dim, fields, indexFrom: 50 });
  const [one, two] = await Promise.all([open(), open()]);
  const rows = rowsOf(200, 4);
  const work = async (index: VectorIndex, first: number): Promise<void> => {
    for (let start = first; start < 200; start += 20) await index.add(indexRows(rows.slice(start, start + 60), dim));
    await index.remove([`gone ${first}`, "r7"]);
    await index.compact();
  };
  const reading = async (): Promise<void> => {
    for (let round = 0; round < 20; round++) {
      await two.search(rows[3]?.vector ?? unit([1]), { count: 5 });
      await idsOf(one);
    }
  };
  await Promise.all([work(one, 0), work(two, 10), reading()]);
  expect((await idsOf(one)).toSorted()).toEqual(
    rows
      .map(({ id }) => id)
      .filter((id) => id !== "r7")
      .toSorted(),
  );
  expect(await two.count()).toBe(199);
  await Promise.all([one.close(), two.close()]);
});

test("a search for many rows looks into as many partitions as it takes", async () => {
  const index = await openLanceIndex({ place: newPlace(), dim, fields, indexFrom: 100 });
  const rows = rowsOf(1200, 6);
  await index.add(indexRows(rows, dim));
  await index.compact();
  const query = rows[5]?.vector ?? unit([1]);
  const [found, exact] = await Promise.all(
    [false, true].map(async (isExact) => index.search(query, { count: 30, isExact })),
  );
  expect(found?.map(({ id }) => id)).toEqual(exact?.map(({ id }) => id));
  const all = await index.search(query, { count: 2000 });
  expect(all).toHaveLength(1200);
  await index.close();
});

test("old versions do not fill the disk", async () => {
  const place = newPlace();
  const index = await openLanceIndex({ place, dim: 64, fields, indexFrom: 1000 });
  const rows = clusteredVectors(1200, 64, 5).map((vector, at) => ({ id: `r${at}`, vector, fields: { n: at } }));
  await index.add(indexRows(rows, 64));
  await index.compact();
  const once = await sizeOf(place);
  for (let round = 0; round < 6; round++) {
    await index.add(indexRows(rows, 64));
    await index.compact();
  }
  expect(await sizeOf(place)).toBeLessThan(1.3 * once);
  const settled = await sizeOf(place);
  await index.compact();
  expect(await sizeOf(place)).toBe(settled);
  await index.close();
});

test("a folder of other columns, or none that can be made, is refused in words", async () => {
  const place = newPlace();
  await (await openLanceIndex({ place, dim, fields })).close();
  await expect(openLanceIndex({ place, dim: 8, fields })).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringMatching(/FixedSizeList\[16\].*FixedSizeList\[8\]/u) as string,
  });
  await expect(openLanceIndex({ place: "/proc/none/index", dim, fields })).rejects.toMatchObject({
    code: "bad-data",
    message: expect.stringContaining("/proc/none/index") as string,
  });
});

const writer = fileURLToPath(new URL("../fixtures/lance-writer.mjs", import.meta.url));

/** Adds rows and compacts without end, and says after each part how many it has added; killed after some of them. */
async function killWriter(place: string, { parts, waitMs }: { parts: number; waitMs: number }): Promise<number> {
  const child = spawn(process.execPath, [writer, place]);
  let added = 0;
  let text = "";
  let isKilled = false;
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    added = Number(text.trimEnd().split("\n").at(-1));
    if (isKilled || text.split("\n").length <= parts) return;
    isKilled = true;
    setTimeout(() => child.kill("SIGKILL"), waitMs);
  });
  const signal = await new Promise((resolve) => void child.on("close", (_, by) => resolve(by)));
  expect(signal).toBe("SIGKILL");
  return added;
}

test("a writer that is killed leaves every row that it had added, and a table that goes on", async () => {
  const place = newPlace();
  for (const [at, waitMs] of [0, 3, 9, 20, 33, 50].entries()) {
    const added = await killWriter(place, { parts: 1 + at, waitMs });
    const index = await openLanceIndex({ place, dim, fields, indexFrom: 100 });
    const rows = new Set(await idsOf(index));
    expect(rows.size).toBe(await index.count());
    expect(Array.from({ length: added }, (_, row) => `r${row}`).filter((id) => !rows.has(id))).toEqual([]);
    await index.compact();
    expect(await index.count()).toBe(rows.size);
    await index.close();
  }
});

test("another process may add rows and compact while this one reads, adds and removes", async () => {
  const place = newPlace();
  const index = await openLanceIndex({ place, dim, fields, indexFrom: 100 });
  const child = spawn(process.execPath, [writer, place]);
  onTestFinished(() => void child.kill("SIGKILL"));
  let added = 0;
  child.stdout.on("data", (chunk: Buffer) => (added = Number(chunk.toString().trimEnd().split("\n").at(-1))));
  const own = rowsOf(10, 9).map((row, at) => ({ ...row, id: `own ${at}` }));
  for (let round = 0; round < 10 || added < 200; round++) {
    const row = own[round % own.length] as Row;
    await index.add(indexRows([row], dim));
    const [hit] = await index.search(row.vector, { count: 1 });
    expect([hit?.id, round]).toEqual([row.id, round]);
    expect(await index.get([row.id])).toHaveLength(1);
    if (round % 2 === 1) await index.remove([row.id]);
  }
  child.kill("SIGKILL");
  await new Promise((resolve) => void child.on("close", resolve));
  const ids = new Set(await idsOf(index));
  expect(ids.size).toBe(await index.count());
  // It counts on from the rows that it found, at most these ten.
  const its = Array.from({ length: added - own.length }, (_, at) => `r${own.length + at}`);
  expect([its.length >= 190, its.filter((id) => !ids.has(id))]).toEqual([true, []]);
  await index.close();
});

test("where LanceDB is not installed, what to install is said", async () => {
  const resolve = `export async function resolve(name, context, next) {
    if (name === "@lancedb/lancedb") throw new Error("Cannot find package '@lancedb/lancedb'");
    return next(name, context);
  }`;
  const hooks = `data:text/javascript,${encodeURIComponent(resolve)}`;
  const code = `import { register } from "node:module"; register(${JSON.stringify(hooks)});
    const { openLanceIndex } = await import("@clip-ts/search/lance");
    await openLanceIndex({ place: "none", dim: 4, fields: {} }).catch(({ code, message }) => console.log(code, message));`;
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], { cwd });
  expect(stdout).toMatch(/^unsupported .*Cannot find package.*npm install @lancedb\/lancedb@0\.31\.0 apache-arrow/u);
});
