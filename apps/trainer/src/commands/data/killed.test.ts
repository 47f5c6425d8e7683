import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";

const program = fileURLToPath(new URL("../../../bin/clip-ts.js", import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), "clip-ts-killed-"));
afterAll(() => rm(scratch, { recursive: true, force: true }));

const samples = 24;
const photos = join(scratch, "photos");

async function writePhotos(): Promise<void> {
  await mkdir(photos);
  const noise = { type: "gaussian", mean: 128, sigma: 50 } as const;
  const photo = await sharp({ create: { width: 600, height: 450, channels: 3, background: "#888", noise } })
    .jpeg()
    .toBuffer();
  for (let number = 0; number < samples; number++) {
    const name = join(photos, String(number).padStart(3, "0"));
    await writeFile(`${name}.jpg`, number === 10 ? photo.subarray(0, 500) : photo);
    await writeFile(`${name}.txt`, `photo ${number}`);
  }
}

const prepare = (out: string) =>
  spawn(process.execPath, [program, "data", "prepare", photos, "-o", out, "--samples", "3", "--size", "400"], {
    stdio: ["ignore", "pipe", "inherit"],
  });

async function untilThere(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** All files but indexes, which hold the time of their tar. */
async function filesIn(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => !name.endsWith(".idx")).toSorted();
  const read = names.map(async (name) => [name, (await readFile(join(folder, name))).toString("base64")]);
  return Object.fromEntries(await Promise.all(read));
}

/** The beginning of a file, for the message. */
const text = (content: string | undefined): string | undefined =>
  content && Buffer.from(content, "base64").toString("latin1").slice(0, 1000);

test("a preparation that is killed again and again ends with the bytes of one that was not", async () => {
  await writePhotos();
  const [whole, killed] = [join(scratch, "whole"), join(scratch, "killed")];
  const untouched = prepare(whole);
  const [code] = await once(untouched, "exit");
  expect(code).toBe(0);
  for (const [at, sight] of ["prepare.json", "00002_stats.json", "00005_stats.json"].entries()) {
    const run = prepare(killed);
    await untilThere(join(killed, sight));
    await new Promise((resolve) => setTimeout(resolve, 25 * at));
    run.kill("SIGKILL");
    const [, signal] = await once(run, "exit");
    expect(signal).toBe("SIGKILL");
  }
  expect(existsSync(join(killed, "sizes.json"))).toBe(false);
  const last = prepare(killed);
  last.stdout.setEncoding("utf8");
  let said = "";
  last.stdout.on("data", (text: string) => (said += text));
  await once(last, "close");
  const kept = Number(/there already +(\d+)/.exec(said)?.[1]);
  expect(kept).toBeGreaterThanOrEqual(6);
  expect(said).toMatch(/samples written +23\n/);
  const found = await filesIn(killed);
  expect(Object.keys(found)).toContain("00007.parquet");
  const wanted = await filesIn(whole);
  const names = [...new Set([...Object.keys(found), ...Object.keys(wanted)])];
  const other = names.filter((name) => found[name] !== wanted[name]);
  expect(other.map((name) => [name, text(found[name]), text(wanted[name])])).toEqual([]);
}, 180_000);
