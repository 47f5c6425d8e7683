import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openPictureIndex } from "@clip-ts/picture-index";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makePictures, writeNano, writePictures } from "../embed/fixtures/picture-shards.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-index-killed-"));
const at = (...names: string[]): string => join(folder, ...names);
/** How often an index is killed: CLIP_TS_KILLS=20 for as often as anybody would. */
const kills = Number(process.env["CLIP_TS_KILLS"] ?? 3);
const program = fileURLToPath(new URL("../../../bin/clip-ts.js", import.meta.url));
const patience = { timeout: 120_000 + 60_000 * kills };
afterAll(() => rmSync(folder, { recursive: true }));

if (!existsSync(fileURLToPath(new URL("../../../dist/main.js", import.meta.url)))) {
  throw new Error("These tests start the built program: run pnpm build first.");
}

beforeAll(async () => {
  await writeNano(at("model"), 1);
  await writeNano(at("other"), 2);
  writePictures(at("photos"), await makePictures(480, (number) => number % 100 === 42));
});

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>;
}

function start(index: string, ...words: string[]): Started {
  const store = words.includes("--store") ? [] : ["--store", "flat"];
  const own = ["-o", at(index), ...store, "--batch", "1", "--engine", "cpu"];
  const child = spawn(process.execPath, [program, "index", ...words, ...own], { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.on("close", (code) => resolve({ code, stderr }));
  });
  return { child, ended };
}

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Waits until an index holds so many files of rows, or its process is gone. */
async function hasWritten(index: string, files: number, place = "vectors-1"): Promise<void> {
  const written = (): number => (existsSync(at(index, place)) ? readdirSync(at(index, place)).length : 0);
  for (let tries = 0; tries < 10_000 && written() < files; tries++) await sleep(5);
}

/** Everything that an index holds, row by row. */
async function rowsOf(name: string) {
  const index = await openPictureIndex(at(name));
  const rows = [];
  for await (const some of index.vectors.scan({ withVectors: true })) rows.push(...some);
  const [first] = rows;
  if (first?.vector !== undefined) {
    expect((await index.vectors.search(first.vector, { count: 1 }))[0]?.similarity).toBeCloseTo(1, 5);
  }
  await index.close();
  return rows.map(({ id, fields, vector }) => ({ id, fields, vector: [...(vector ?? [])] }));
}

/** Each store, where it keeps a file for every part of the rows that came, and how often it is killed. */
const stores = [
  { store: "flat", place: "vectors-1", times: kills },
  { store: "lance", place: join("vectors-1", "rows.lance", "data"), times: Math.ceil(kills / 2) },
] as const;

/** The index that kills are compared with, made once; stores keep the same rows. */
let wholeRows: Awaited<ReturnType<typeof rowsOf>> | undefined;
async function rowsOfWhole() {
  if (wholeRows === undefined) expect((await start("whole", at("model"), at("photos")).ended).code).toBe(0);
  return (wholeRows ??= await rowsOf("whole"));
}

test.each(stores)("$store: killed anywhere it is usable, and the same command completes it", patience, async (kept) => {
  const { store, place, times } = kept;
  const whole = await rowsOfWhole();
  expect(whole).toHaveLength(475);
  const known = new Map(whole.map((row) => [row.id, row]));
  for (let kill = 0; kill < times; kill++) {
    const name = `${store}-${kill}`;
    const words = [at("model"), at("photos"), "--store", store];
    const { child, ended } = start(name, ...words);
    await hasWritten(name, 1 + Math.floor((14 * kill) / times), place);
    await sleep((kill % 4) * 40);
    child.kill("SIGKILL");
    await ended;
    const left = await rowsOf(name);
    for (const row of left) expect(row).toEqual(known.get(row.id));
    const again = await start(name, ...words).ended;
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("5 images that cannot be read")]);
    expect(await rowsOf(name)).toEqual(whole);
  }
});

test("killed while it is embedded anew, the old vectors serve and the same command goes on", patience, async () => {
  const before = await rowsOfWhole();
  const { child, ended } = start("whole", "--remap", at("other"));
  await hasWritten("whole", 4, "vectors-2");
  child.kill("SIGKILL");
  await ended;
  expect(await rowsOf("whole")).toEqual(before);
  expect((await start("whole", "--remap", at("other")).ended).code).toBe(0);
  expect((await start("fresh", at("other"), at("photos")).ended).code).toBe(0);
  expect(await rowsOf("whole")).toEqual(await rowsOf("fresh"));
  expect(readdirSync(at("whole")).filter((name) => name.startsWith("vectors"))).toEqual(["vectors-2"]);
  const refused = await start("whole", at("model"), at("photos")).ended;
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/made by the model other \(\w+\), not by model/),
  ]);
});

test.skipIf(process.platform === "win32")(
  "SIGINT ends after the batch; a second process is refused",
  patience,
  async () => {
    const first = start("asked", at("model"), at("photos"));
    await hasWritten("asked", 2);
    first.child.kill("SIGSTOP"); // it holds the index, however fast it is
    const second = await start("asked", at("model"), at("photos")).ended;
    first.child.kill("SIGCONT");
    first.child.kill("SIGINT");
    const { code, stderr } = await first.ended;
    expect([second.code, second.stderr]).toEqual([1, expect.stringMatching(/another process is updating this index/)]);
    expect([code, stderr]).toEqual([130, expect.stringMatching(/Stopped\. What is embedded is in .*asked/)]);
    expect((await start("asked", at("model"), at("photos")).ended).code).toBe(0);
    expect(await rowsOf("asked")).toHaveLength(475);
  },
);
