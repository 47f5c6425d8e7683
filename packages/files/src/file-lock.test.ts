import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { takeFlock, takeLockFolder, withFileLock } from "./file-lock.ts";

let folder: string;
let lock: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-ts-lock-"));
  lock = join(folder, "locks", "a.lock");
});
afterEach(() => rm(folder, { recursive: true }));

const patient = { patience: 20_000, signOfLife: () => Promise.resolve(0) };
const script = fileURLToPath(new URL("fixtures/count-under-lock.mjs", import.meta.url));
const count = (way: string, ...rest: readonly string[]) =>
  spawn(process.execPath, [script, way, lock, join(folder, "number"), ...rest], {
    stdio: ["ignore", "pipe", "inherit"],
  });

const isBuilt = existsSync(new URL("../dist/file-lock.js", import.meta.url));
if (!isBuilt) console.warn("Skipped: tests of several processes need the built packages (pnpm build).");
const isWindows = process.platform === "win32";
const ways = [...(isWindows ? [] : [["flock", takeFlock] as const]), ["a folder", takeLockFolder] as const];

describe.skipIf(!isBuilt).each(ways)("a lock by %s", (way, take) => {
  test("is held by one process at a time", async () => {
    await writeFile(join(folder, "number"), "0");
    const exits = [1, 2, 3].map(() => once(count(way, "20"), "exit"));
    expect(await Promise.all(exits)).toEqual([1, 2, 3].map(() => [0, null]));
    expect(await readFile(join(folder, "number"), "utf8")).toBe("60");
  }, 60_000);

  test("is not waited for longer than its holder lives", async () => {
    const child = count(way, "hold");
    await once(child.stdout, "data");
    const heard: string[] = [];
    const wait = {
      patience: 250,
      signOfLife: () => Promise.resolve(0),
      onTaken: () => heard.push("taken"),
    };
    expect(await withFileLock(lock, wait, (isLocked) => Promise.resolve(isLocked), [take])).toBe(false);
    expect(heard).toEqual(["taken"]);
    child.kill("SIGKILL");
    await once(child, "exit");
    if (way === "a folder") await utimes(`${lock}.held`, 0, 0); // as if a minute had passed
    expect(await withFileLock(lock, patient, (isLocked) => Promise.resolve(isLocked), [take])).toBe(true);
  }, 60_000);
});

test("a holder that shows signs of life is waited for", async () => {
  const order: string[] = [];
  let sign = 0;
  const first = withFileLock(lock, patient, async () => {
    order.push("first begins");
    await new Promise((resolve) => setTimeout(resolve, 900));
    order.push("first ends");
  });
  await expect.poll(() => order, { timeout: 20_000 }).toEqual(["first begins"]);
  const wait = { patience: 300, signOfLife: () => Promise.resolve(sign++) };
  await withFileLock(lock, wait, async (isLocked) => void order.push(`second, ${isLocked}`));
  await first;
  expect(order).toEqual(["first begins", "first ends", "second, true"]);
});

test("a failure gives the lock back, and its file stays for the others", async () => {
  const failing = withFileLock(lock, patient, () => Promise.reject(new Error("disk")));
  await expect(failing).rejects.toThrow("disk");
  expect(await withFileLock(lock, patient, (isLocked) => Promise.resolve(isLocked))).toBe(true);
  if (!isWindows) expect(await readdir(join(folder, "locks"))).toEqual(["a.lock"]);
});

test("where no lock can be, work goes on without", async () => {
  await writeFile(join(folder, "locks"), "no folder");
  expect(await withFileLock(lock, patient, (isLocked) => Promise.resolve(isLocked))).toBe(false);
  await rm(join(folder, "locks"));
  const unable = () => Promise.resolve("unable" as const);
  expect(await withFileLock(lock, patient, (isLocked) => Promise.resolve(isLocked), [unable])).toBe(false);
  await mkdir(join(folder, "locks"), { recursive: true });
  expect(await withFileLock(lock, patient, (isLocked) => Promise.resolve(isLocked), [unable, takeLockFolder])).toBe(
    true,
  );
});
