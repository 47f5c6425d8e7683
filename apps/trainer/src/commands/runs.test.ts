import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { captureOutput } from "@clip-ts/test-utils";
import { beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";
import { configOf, folder } from "./train/run-here.test.ts";
import { runTraining } from "./train/run-training.ts";

const runs = (...argv: string[]) => captureOutput(() => runCommandLine(commands, ["runs", ...argv]));
const sets = join(folder, "sets");

beforeAll(async () => {
  const evaluate = { every: 3, retrieval: { data: { kind: "synthetic", count: 8 } } };
  await captureOutput(async () => {
    await runTraining(configOf("sets/slow", { evaluate, schedule: { kind: "constant", learningRate: 0.001 } }));
    await runTraining(configOf("sets/fast", { evaluate, steps: 2 }));
    await runTraining(configOf("sets/fast", { evaluate, steps: 4 }), { resume: true });
    const diverges = configOf("sets/hot", { steps: 9, schedule: { kind: "constant", learningRate: 1e30 } });
    await runTraining(diverges).catch(() => undefined);
  });
});

test("real runs are compared: how they ended, what they reached, what differs", async () => {
  const { result, stdout, stderr } = await runs(sets, "--sort", "name");
  expect([result, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^3 runs, nano, on wasm\n\nrun +steps +loss/);
  expect(stdout).toMatch(/^fast +4\/4 .* % .* done/m);
  expect(stdout).toMatch(/^hot +\d\/9 .* diverged/m);
  expect(stdout).toMatch(/^slow +3\/3 .* done/m);
  expect(stdout).toMatch(/schedule\.learningRate 0\.001/);
  expect(stdout).toMatch(/steps 2\s+until\s+step\s+2,\s+then\s+4/);
  expect(stdout).toMatch(/^ {2}hot {3}steps 9; schedule\.learningRate 1e\+30$/m);
  expect(stdout).toMatch(/^hot: .*loss/m);
});

test("--json - prints the numbers alone, the table on stderr", async () => {
  const { result, stdout, stderr } = await runs(join(sets, "slow"), join(sets, "fast"), "--json", "-");
  expect(result).toBe(0);
  expect(stderr).toContain("2 runs");
  const { metric, differ, runs: found } = JSON.parse(stdout) as Record<string, unknown>;
  expect(metric).toBe("retrieval.meanRecallAt1");
  expect(differ).toEqual(["steps", "schedule.learningRate"]);
  expect(found).toHaveLength(2);
  expect(found).toContainEqual(
    expect.objectContaining({ name: "fast", state: "done", steps: 4, engine: "wasm", checkpoint: "step-0000004" }),
  );
});

test("--html writes a page with curves of all of them", async () => {
  const page = join(folder, "page.html");
  const { result, stderr } = await runs(sets, "--html", page);
  expect([result, stderr]).toEqual([0, `wrote   ${page}\n`]);
  const html = readFileSync(page, "utf8");
  expect(html).toContain("3 runs compared");
  expect(html.match(/<svg /gu)).toHaveLength(4);
  expect(existsSync(`${page}.partial`)).toBe(false);
});

test("a folder without runs is an error that says what a run is", async () => {
  mkdirSync(join(folder, "none"));
  const { result, stderr } = await runs(join(folder, "none"));
  expect(result).toBe(1);
  expect(stderr).toContain("holds no run: a run's folder has a config.yaml");
  expect((await runs(sets, "--sort", "size")).result).toBe(2);
});
