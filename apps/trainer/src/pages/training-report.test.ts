import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { captureOutput } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "../commands/index.ts";
import type { MetricsLine } from "./metrics.ts";
import { trainingReport } from "./training-report.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-report-"));
afterAll(() => rm(folder, { recursive: true }));

const line = (step: number): MetricsLine => ({
  step,
  loss: 4 / (1 + step),
  learningRate: 1e-3,
  gradNorm: 10,
  logitScale: Math.log(20),
  accuracy: step / 1000,
  images: 50,
  dataMs: 20,
  computeMs: 180,
});

test("a long run becomes curves of a bounded length", async () => {
  const lines = Array.from({ length: 3000 }, (_, step) => line(step));
  const page = await trainingReport("runs/a & b", lines, "steps: 3000 # <not a tag>");
  expect(page).toContain("<title>Training run a &amp; b</title>");
  expect(page).toContain("&lt;not a tag&gt;");
  expect(page.match(/<svg /gu)).toHaveLength(7);
  expect(page).toContain("images per second");
  expect(page).toContain("150,000"); // pairs seen
  expect(page).toMatch(/<td>10\.0<\/td>\s*<td>10\.0 %<\/td>/u); // minutes, waiting for data
  expect(page).toContain("The run waited for data 10.0 % of the time.");
  expect(page).toContain("share of time that waited for data");
  expect(page.length).toBeLessThan(300_000);
});

test("what evaluations left in the metrics has a part of its own", async () => {
  const found = { step: 1, "retrieval.meanRecallAt1": 0.25 };
  const page = await trainingReport("run", [line(0), line(1), found, line(2)], "");
  expect(page).toContain("<h2>Evaluation during training</h2>");
  expect(page).toContain("retrieval.meanRecallAt1");
  expect(page).toMatch(/<td>3<\/td>\s*<td>150<\/td>/u); // steps and pairs: evaluations are neither
});

test("clip-ts report draws a run's folder, a broken last line left out", async () => {
  await writeFile(join(folder, "metrics.jsonl"), `${JSON.stringify(line(0))}\n{"step": 1, "lo`);
  const report = () => captureOutput(() => runCommandLine(commands, ["report", folder]));
  expect(await report()).toMatchObject({ result: 0 });
  expect(await readFile(join(folder, "report.html"), "utf8")).toContain("In short");
  await writeFile(join(folder, "metrics.jsonl"), "");
  const { result, stderr } = await report();
  expect(result).toBe(1);
  expect(stderr).toContain("metrics.jsonl holds no metrics");
});
