import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-resume-"));
const program = fileURLToPath(new URL("../../../bin/clip-ts.js", import.meta.url));
const steps = 24;

afterAll(() => rmSync(folder, { recursive: true }));

if (!existsSync(fileURLToPath(new URL("../../../dist/main.js", import.meta.url)))) {
  throw new Error("These tests start the built program: run pnpm build first.");
}

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** Starts clip-ts train for a run of its own. */
function start(run: string, engine: string, ...words: string[]): ChildProcess {
  const config = join(folder, `${run}.yaml`);
  writeFileSync(
    config,
    `run: ${join(folder, run)}
engine: ${engine}
model: { preset: nano }
data:
  train: { kind: synthetic, count: 64 }
  batchSize: 8
  augment: { scale: [0.5, 1] }
steps: ${steps}
schedule: { learningRate: 0.01, warmupSteps: 2 }
gradClipNorm: 1
ema: { decay: 0.9 }
checkpoint: { every: 5 }
`,
  );
  return spawn(process.execPath, [program, "train", config, ...words], {
    stdio: ["ignore", "ignore", "pipe"],
  });
}

function ended(child: ChildProcess): Promise<Ended> {
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ code, stderr }));
  });
}

/** Resolves once the run has reported this many steps. */
async function reported(run: string, count: number): Promise<void> {
  const file = join(folder, run, "metrics.jsonl");
  for (let tries = 0; tries < 600; tries++) {
    if (existsSync(file) && readFileSync(file, "utf8").split("\n").length > count) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  throw new Error(`${run} never reported ${count} steps`);
}

/** The files of the last checkpoint and the loss of every step. */
function outcome(run: string): { files: Record<string, string>; losses: number[] } {
  const checkpoint = join(folder, run, "latest");
  const names = readdirSync(checkpoint, { recursive: true, encoding: "utf8" });
  const isFile = (name: string): boolean => statSync(join(checkpoint, name)).isFile();
  const files = Object.fromEntries(
    names.filter(isFile).map((name) => [name, readFileSync(join(checkpoint, name), "base64")]),
  );
  const lines = readFileSync(join(folder, run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n");
  return { files, losses: lines.map((line) => (JSON.parse(line) as { loss: number }).loss) };
}

// Windows ends a process at once, whatever signal it is sent: only a terminal can ask one to end there.
const onWindows = process.platform === "win32";

for (const engine of ["wasm", "cpu", "onnx"]) {
  test.skipIf(onWindows)(`an interrupted run goes on bit for bit as if nothing had happened (${engine})`, async () => {
    expect(await ended(start(`whole-${engine}`, engine))).toMatchObject({ code: 0 });
    const whole = outcome(`whole-${engine}`);
    expect(whole.losses).toHaveLength(steps);

    const run = `stopped-${engine}`;
    const child = start(run, engine);
    const end = ended(child);
    await reported(run, 3);
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect(code).toBe(130);
    expect(stderr).toContain("--resume");
    expect(outcome(run).losses.length).toBeLessThan(steps);

    expect(await ended(start(run, engine, "--resume"))).toMatchObject({ code: 0 });
    expect(outcome(run)).toEqual(whole);
  });
}

test.skipIf(onWindows)("a run begun on one engine goes on on another with the same losses", async () => {
  const run = "changed";
  const child = start(run, "onnx");
  const end = ended(child);
  await reported(run, 3);
  child.kill("SIGINT");
  expect((await end).code).toBe(130);
  expect(await ended(start(run, "wasm", "--resume"))).toMatchObject({ code: 0 });
  const [mixed, whole] = [outcome(run).losses, outcome("whole-wasm").losses];
  expect(mixed).toHaveLength(whole.length);
  for (const [step, loss] of whole.entries()) {
    expect(Math.abs((mixed[step] ?? Number.NaN) - loss), `step ${step}`).toBeLessThan(1e-4);
  }
});

test.skipIf(onWindows)("a run killed without warning goes on from its last checkpoint", async () => {
  const run = "killed-wasm";
  const child = start(run, "wasm");
  const end = ended(child);
  await reported(run, 8);
  child.kill("SIGKILL");
  await end;
  expect(await ended(start(run, "wasm", "--resume"))).toMatchObject({ code: 0 });
  expect(outcome(run)).toEqual(outcome("whole-wasm"));
});

test.skipIf(onWindows)("a finished run is not overwritten by mistake", async () => {
  const { code, stderr } = await ended(start("whole-wasm", "wasm"));
  expect(code).toBe(1);
  expect(stderr).toContain("Pass --resume");
});

test("there must be something to resume", async () => {
  const { code, stderr } = await ended(start("never-started", "wasm", "--resume"));
  expect(code).toBe(1);
  expect(stderr).toContain("nothing to resume");
});
