import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { quoteWord } from "../../cli/text.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-signals-"));
const program = fileURLToPath(new URL("../../../bin/clip-ts.js", import.meta.url));
afterAll(() => rmSync(folder, { recursive: true }));

if (!existsSync(fileURLToPath(new URL("../../../dist/main.js", import.meta.url)))) {
  throw new Error("These tests start the built program: run pnpm build first.");
}

/** A run whose batches come from memory: nothing in it waits for anything outside. */
function configFile(run: string, engine: string): string {
  const file = join(folder, `${run}.yaml`);
  const model = "{ preset: nano }";
  const data = "{ train: { kind: synthetic, count: 16 }, batchSize: 8, prefetch: 0 }";
  writeFileSync(file, `run: ${join(folder, run)}\nengine: ${engine}\nmodel: ${model}\ndata: ${data}\nsteps: 1000000\n`);
  return file;
}

/** Resolves once a run has reported some steps. */
async function reported(run: string): Promise<void> {
  const file = join(folder, run, "metrics.jsonl");
  for (let tries = 0; tries < 3000; tries++) {
    if (existsSync(file) && readFileSync(file, "utf8").split("\n").length > 3) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  throw new Error(`${run} never reported a step`);
}

// Windows ends a process at once, whatever signal it is sent: only a terminal can ask one to end there.
const onWindows = process.platform === "win32";

const cases = [
  ["cpu", "SIGINT"],
  ["wasm", "SIGTERM"],
  ["onnx", "SIGHUP"],
] as const;

test.skipIf(onWindows).each(cases)(
  "on %s a run from memory hears %s, saves and says how to go on",
  async (engine, signal) => {
    const run = `${engine}-${signal}`;
    const child = spawn(process.execPath, [program, "train", configFile(run, engine)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const code = new Promise((resolve) => {
      child.on("close", resolve);
    });
    await reported(run);
    child.kill(signal);
    expect(await code).toBe(130);
    const place = quoteWord(join(folder, run));
    expect(stderr).toContain(`Go on with: clip-ts train --resume ${place}`);
    expect(existsSync(join(folder, run, "latest", "model.safetensors"))).toBe(true);
    expect(existsSync(join(folder, run, "training.lock"))).toBe(false);
  },
);

test("a reader of stderr that goes away does not end the run", async () => {
  const run = "deaf";
  const child = spawn(process.execPath, [program, "train", configFile(run, "onnx"), "--set", "steps=40"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const code = new Promise((resolve) => {
    child.on("close", resolve);
  });
  child.stderr.once("data", () => child.stderr.destroy());
  expect(await code).toBe(0);
  const lines = readFileSync(join(folder, run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n");
  expect(lines).toHaveLength(40);
});
