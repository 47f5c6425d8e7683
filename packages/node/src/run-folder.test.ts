import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { lockRun, runHolder } from "./run-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-run-folder-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a run is held while a process has its lock, and not by one that is gone", async () => {
  expect(await runHolder(folder)).toBeUndefined();
  const lock = await lockRun(folder);
  expect(await runHolder(folder)).toEqual({ pid: process.pid, host: hostname() });
  await lock.release();
  expect(await runHolder(folder)).toBeUndefined();
  const path = join(folder, "training.lock");
  writeFileSync(path, JSON.stringify({ pid: 2 ** 30, host: hostname() }));
  expect(await runHolder(folder)).toBeUndefined();
  writeFileSync(path, '{"pid": 1');
  expect(await runHolder(folder)).toBeUndefined();
  expect(await runHolder(join(folder, "nowhere"))).toBeUndefined();
});

test.skipIf(process.platform !== "linux")(
  "a process that ended holds no lock, though nobody has asked how",
  async () => {
    const parent = spawn("sh", ["-c", "true & echo $!; exec sleep 20"], { stdio: ["ignore", "pipe", "ignore"] });
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    const state = (): string => readFileSync(`/proc/${pid}/stat`, "utf8");
    await expect.poll(state).toMatch(/\) Z /);
    const started = state()
      .slice(state().lastIndexOf(")") + 2)
      .split(" ")[19];
    writeFileSync(join(folder, "training.lock"), JSON.stringify({ pid, host: hostname(), started }));
    await (await lockRun(folder)).release();
    parent.kill("SIGKILL");
  },
);
