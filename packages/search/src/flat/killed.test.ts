import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { folderFiles } from "@clip-ts/files";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { changeOf, rowsOf } from "../fixtures/change-in-a-loop.mjs";
import { scanAll } from "../fixtures/conformance/material.ts";
import type { IndexFiles } from "../index-files.ts";
import { memoryFiles } from "../memory-files.ts";
import type { VectorIndex } from "../vector-index.ts";
import { openFlatIndex } from "./flat-index.ts";

type State = readonly (readonly [id: string, number: number])[];

/** What changes 0 up to and with `last` leave, in the order of ids. */
function stateAfter(last: number): State {
  const rows = new Map<string, number>();
  for (let number = 0; number <= last; number++) {
    const { kind, ids = [] } = changeOf(number);
    if (kind === "add") for (const id of ids) rows.set(id, number);
    if (kind === "remove") for (const id of ids) rows.delete(id);
  }
  return [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

const open = (files: IndexFiles): Promise<VectorIndex> =>
  openFlatIndex({ dim: 2, fields: { number: "number" }, files });

/** What is stored, each vector that of the change its field names. */
async function stateOf(files: IndexFiles): Promise<State> {
  const index = await open(files);
  const rows = await scanAll(index, { withVectors: true });
  await index.close();
  return rows.map(({ id, fields, vector }) => {
    const number = Number(fields["number"]);
    expect(vector).toEqual(rowsOf(number, [id]).vectors.values);
    return [id, number] as const;
  });
}

async function makeChange(index: VectorIndex, number: number): Promise<void> {
  const { kind, ids = [] } = changeOf(number);
  if (kind === "add") await index.add(rowsOf(number, ids));
  if (kind === "remove") await index.remove(ids);
  if (kind === "compact") await index.compact();
}

const isBuilt = existsSync(new URL("../../dist/flat/flat-index.js", import.meta.url));
if (!isBuilt) console.warn("Skipped: kill tests need the built packages (pnpm build).");

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-ts-killed-index-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Starts changing at a number, kills at an acknowledgement, and gives the last that was heard. */
async function changeUntilKilled(first: number, kill: number): Promise<number> {
  const script = fileURLToPath(new URL("../fixtures/change-in-a-loop.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, folder, String(first)], { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  let last = first - 1;
  for await (const line of createInterface(child.stdout)) {
    last = Number(line);
    if (last >= kill) child.kill("SIGKILL");
  }
  expect(await exit).toEqual([null, "SIGKILL"]);
  return last;
}

describe.skipIf(!isBuilt)("a process killed while it changes an index", () => {
  test("has lost nothing that was acknowledged, wherever it was", async () => {
    let next = 0;
    for (const further of [0, 1, 2, 13, 14, 15, 16, 17, 23, 36, 38, 39, 40, 41]) {
      const last = await changeUntilKilled(next, next + further);
      const found = await stateOf(await folderFiles(folder));
      // The change that was on its way is there or not; a removal may be the same either way.
      const expected = [stateAfter(last), stateAfter(last + 1)];
      expect(expected).toContainEqual(found);
      next = JSON.stringify(found) === JSON.stringify(expected[1]) ? last + 2 : last + 1;
    }
  }, 120_000);
});

/** Files in memory that stop for good at the call of this number, before or after it was made. */
function stopping(files: IndexFiles, stopAt: number, isAfter: boolean): IndexFiles {
  let calls = 0;
  const counted = async (work: () => Promise<void>): Promise<void> => {
    const isLast = ++calls >= stopAt;
    if (!isLast || (isAfter && calls === stopAt)) await work();
    if (isLast) throw new Error("stopped");
  };
  return {
    ...files,
    write: (name, chunks) => counted(() => files.write(name, chunks)),
    remove: (name) => counted(() => files.remove(name)),
  };
}

test("whichever write or removal of a file is the last, nothing acknowledged is lost", async () => {
  for (const isAfter of [false, true]) {
    for (let stopAt = 2; stopAt < 120; stopAt++) {
      const files = memoryFiles();
      const index = await open(stopping(files, stopAt, isAfter));
      let acknowledged = -1;
      try {
        for (let number = 0; number < 56; number++) {
          await makeChange(index, number);
          acknowledged = number;
        }
      } catch (error) {
        expect(String(error)).toMatch(/stopped|a write that failed/u);
      }
      expect([stateAfter(acknowledged), stateAfter(acknowledged + 1)]).toContainEqual(await stateOf(files));
    }
  }
});
