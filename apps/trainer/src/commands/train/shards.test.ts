import { spawn, type ChildProcess } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomStream } from "@clip-ts/base";
import { writeFileWhole } from "@clip-ts/files";
import { localStore, writeTar, writeTarIndexes, type TarSampleFiles } from "@clip-ts/node";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-shards-"));
const program = fileURLToPath(new URL("../../../bin/clip-ts.cjs", import.meta.url));
const [shards, samples, batchSize] = [4, 125, 20];
const steps = (shards * samples) / batchSize;

/** How often one run is killed: CLIP_TS_KILLS=20 for as often as anybody would. */
const kills = Number(process.env["CLIP_TS_KILLS"] ?? 3);

afterAll(() => rmSync(folder, { recursive: true }));

const colors = ["red", "green", "blue", "white", "black", "yellow"] as const;

/** Squares of one colour; one in forty is no picture, one in fifty has no caption. */
async function* pictures(shard: number, count: number = samples): AsyncGenerator<TarSampleFiles> {
  for (let number = 0; number < count; number++) {
    const background = colors[(number + shard) % colors.length] as string;
    const create = { width: 16 + (number % 9), height: 20, channels: 3, background } as const;
    const jpg = number % 40 === 39 ? "no picture" : await sharp({ create }).jpeg().toBuffer();
    const texts = number % 50 === 49 ? {} : { txt: `a ${background} square, number ${number} of ${shard}` };
    const json = JSON.stringify({ alt: `${background} ${number}` });
    yield { key: String(shard * 1000 + number).padStart(9, "0"), files: { jpg, ...texts, json } };
  }
}

beforeAll(async () => {
  mkdirSync(join(folder, "set"));
  for (let shard = 0; shard < shards; shard++) {
    await writeFileWhole(join(folder, "set", `0000${shard}.tar`), writeTar(pictures(shard)));
  }
  await writeTarIndexes(join(folder, "set", "{00000..00003}.tar"), { store: localStore });
});

/** Starts clip-ts train for a run of its own over the shards of a folder. */
function start(run: string, set: string, ...words: string[]): ChildProcess {
  const config = join(folder, `${run}.yaml`);
  writeFileSync(
    config,
    `run: ${join(folder, run)}
engine: onnx
model: { preset: nano }
data:
  train: { kind: webdataset, path: "${join(folder, set)}/{00000..00003}.tar", captions: { txt: 0.5, json.alt: 0.5 } }
  batchSize: ${batchSize}
  augment: { scale: [0.5, 1] }
  maxSkipped: 10%
steps: ${steps}
schedule: { learningRate: 0.01, warmupSteps: 2 }
checkpoint: { every: 2 }
`,
  );
  return spawn(process.execPath, [program, "train", config, ...words], { stdio: ["ignore", "ignore", "pipe"] });
}

function ended(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stderr })));
}

const linesOf = (run: string): string[] => {
  const file = join(folder, run, "metrics.jsonl");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
};

/** Resolves once a run has reported so many steps, or has ended. */
async function reported(run: string, count: number, child: ChildProcess): Promise<void> {
  while (linesOf(run).length < count && child.exitCode === null) await new Promise((done) => setTimeout(done, 10));
}

/** The bytes of the last checkpoint's arrays, and the loss of every step. */
function outcome(run: string): { arrays: Record<string, string>; losses: number[] } {
  const checkpoint = join(folder, run, "latest");
  const names = readdirSync(checkpoint).filter((name) => name.endsWith(".safetensors"));
  return {
    arrays: Object.fromEntries(names.map((name) => [name, readFileSync(join(checkpoint, name), "base64")])),
    losses: linesOf(run).map((line) => (JSON.parse(line) as { loss: number }).loss),
  };
}

const settings = (workers: number): string[] => ["--set", `data.workers=${workers}`];

test("a run over shards that is killed again and again ends with the undisturbed run's bits", async () => {
  const { code, stderr } = await ended(start("undisturbed", "set", ...settings(1)));
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stderr).toContain("500 samples in 4 shards");
  expect(stderr).toMatch(/left out of training: \d+ images that cannot be read/);

  const random = randomStream(Number(process.env["CLIP_TS_SEED"] ?? 1), "kills");
  for (let kill = 0; kill < kills; kill++) {
    const resume = existsSync(join(folder, "killed", "latest")) ? ["--resume"] : [];
    const child = start("killed", "set", ...resume, ...settings(1 + (kill % 3)));
    const end = ended(child);
    await reported("killed", linesOf("killed").length + 1 + random.integer(4), child);
    await new Promise((done) => setTimeout(done, random.integer(60)));
    child.kill("SIGKILL");
    if ((await end).code === 0) break;
  }
  const last = await ended(start("killed", "set", "--resume", ...settings(4)));
  expect(last).toMatchObject({ code: 0 });
  expect(outcome("killed")).toEqual(outcome("undisturbed"));
}, 300_000);

test("a copy of the shards elsewhere goes on, shards written again in place are refused by fingerprint", async () => {
  await ended(start("moved", "set", "--set", "steps=6"));
  mkdirSync(join(folder, "copy"));
  for (const name of readdirSync(join(folder, "set")))
    copyFileSync(join(folder, "set", name), join(folder, "copy", name));
  const moved = await ended(start("moved", "copy", "--resume", "--set", "steps=8"));
  expect(moved).toMatchObject({ code: 0 });

  const shard = join(folder, "copy", "00001.tar");
  const later = statSync(shard).mtimeMs / 1000 + 60;
  utimesSync(shard, later, later);
  const again = await ended(start("moved", "copy", "--resume", "--set", "steps=10"));
  expect(again.code).toBe(1);
  expect(again.stderr).toMatch(/written again since \(fingerprint [0-9a-f]{12}, not [0-9a-f]{12}\)/);
}, 120_000);

test("another number of samples is refused, with both fingerprints", async () => {
  await ended(start("smaller", "set", "--set", "steps=4"));
  mkdirSync(join(folder, "fewer"));
  for (const name of readdirSync(join(folder, "set")))
    copyFileSync(join(folder, "set", name), join(folder, "fewer", name));
  await writeFileWhole(join(folder, "fewer", "00003.tar"), writeTar(pictures(3, samples - 1)));
  await writeTarIndexes(join(folder, "fewer", "{00000..00003}.tar"), { store: localStore });
  const { code, stderr } = await ended(start("smaller", "fewer", "--resume", "--set", "steps=6"));
  expect(code).toBe(1);
  expect(stderr).toMatch(/a size of 499, not 500 \(fingerprint [0-9a-f]{12}, not [0-9a-f]{12}\)/);
}, 120_000);
