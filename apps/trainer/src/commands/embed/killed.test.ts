import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makePictures, writeNano, writeTars } from "./fixtures/picture-shards.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-embed-killed-"));
const at = (...names: string[]): string => join(folder, ...names);
/** Processes on a machine that is busy with other tests. */
const patience = { timeout: 300_000 };
const program = fileURLToPath(new URL("../../../bin/clip-ts.js", import.meta.url));
afterAll(() => rmSync(folder, { recursive: true }));

if (!existsSync(fileURLToPath(new URL("../../../dist/main.js", import.meta.url)))) {
  throw new Error("These tests start the built program: run pnpm build first.");
}

beforeAll(async () => {
  await writeNano(at("model"), 1);
  const pictures = await makePictures(480, (number) => number % 100 === 42);
  await writeTars(at("tars"), pictures, 40);
});

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

const start = (...argv: string[]): Started => startIn({}, ...argv);

function startIn(environment: Readonly<Record<string, string>>, ...argv: string[]): Started {
  const child = spawn(process.execPath, [program, "embed", ...argv], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...environment },
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, stderr })));
  return { child, ended };
}

const words = (output: string, ...more: string[]): string[] => [
  at("model"),
  at("tars", "{00000..00011}.tar"),
  "-o",
  `${at(output)}/`,
  "--what",
  "both",
  "--batch",
  "1",
  "--engine",
  "cpu",
  ...more,
];

/** The environments of three of four processes, each of another launcher. */
const launched = [
  { OMPI_COMM_WORLD_RANK: "0", OMPI_COMM_WORLD_SIZE: "4" },
  { SLURM_ARRAY_TASK_ID: "11", SLURM_ARRAY_TASK_COUNT: "4", SLURM_ARRAY_TASK_MIN: "10" },
  { JOB_COMPLETION_INDEX: "2", JOB_COMPLETIONS: "4" },
];

const finished = (output: string): string[] =>
  existsSync(at(output)) ? readdirSync(at(output)).filter((name) => name.endsWith(".left-out.json")) : [];

/** Waits until a folder has so many finished shards. */
async function hasFinished(output: string, count: number): Promise<void> {
  for (let tries = 0; tries < 6000 && finished(output).length < count; tries++) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  expect(finished(output).length).toBeGreaterThanOrEqual(count);
}

/** All files of a folder but the description, which names the engine's own run. */
const bytesOf = (output: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(at(output))
      .filter((name) => !name.endsWith(".lock"))
      .toSorted()
      .map((name) => [name, readFileSync(at(output, name)).toString("base64")]),
  );

test("four parts, one of them killed and run again, are one whole run's bytes, joined too", patience, async () => {
  const whole = start(...words("whole"));
  expect((await whole.ended).code).toBe(0);

  const parts = launched.map((environment) => startIn(environment, ...words("parts")));
  for (const [at, { ended }] of parts.entries()) {
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([0, expect.stringContaining(`part    ${at + 1}/4 (`)]);
  }
  const last = start(...words("parts", "--part", "4/4"));
  await hasFinished("parts", 10);
  last.child.kill("SIGKILL");
  expect((await last.ended).code).toBe(null);
  expect(finished("parts").length).toBeLessThan(12);
  const missing = await start("--join", at("parts"), "-o", at("early.npy")).ended;
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringMatching(/of 12 shards are missing: .*00011/)]);

  const before = bytesOf("parts");
  const again = await start(...words("parts", "--part", "4/4")).ended;
  expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/[12] of 3 shards are finished/)]);
  expect(bytesOf("parts")).toEqual(bytesOf("whole"));
  for (const name of finished("parts").filter((name) => name in before)) {
    expect(bytesOf("parts")[name]).toBe(before[name]);
  }
  for (const output of ["whole", "parts"]) {
    expect((await start("--join", at(output), "-o", at(`${output}.npy`)).ended).code).toBe(0);
  }
  for (const ending of ["npy", "text.npy", "keys.jsonl"]) {
    expect(readFileSync(at(`parts.${ending}`)).equals(readFileSync(at(`whole.${ending}`))), ending).toBe(true);
  }
  expect(readFileSync(at("whole.keys.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(475);
});

test.skipIf(process.platform === "win32")(
  "SIGINT ends after the batch, leaves no half shard, and goes on",
  async () => {
    const { child, ended } = start(...words("asked"));
    await hasFinished("asked", 2);
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([130, expect.stringMatching(/Stopped\. Finished shards are in .*asked/)]);
    expect(readdirSync(at("asked")).filter((name) => name.endsWith(".partial"))).toEqual([]);
    expect((await start(...words("asked")).ended).code).toBe(0);
    expect(bytesOf("asked")).toEqual(bytesOf("whole"));
  },
);

test.skipIf(process.platform === "win32")("a part that another process does is not done twice", patience, async () => {
  const first = start(...words("twice", "--part", "1/2"));
  await hasFinished("twice", 1);
  first.child.kill("SIGSTOP"); // it holds the part, however fast it is
  const second = await start(...words("twice", "--part", "1/2")).ended;
  const other = await start(...words("twice", "--part", "2/2")).ended;
  first.child.kill("SIGCONT");
  expect([second.code, second.stderr]).toEqual([
    1,
    expect.stringMatching(/another process embeds part 1\/2 into it\. Wait until it ends/),
  ]);
  expect([other.code, (await first.ended).code]).toEqual([0, 0]);
  expect(bytesOf("twice")).toEqual(bytesOf("whole"));
});
