import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { captureOutput } from "@clip-ts/test-utils";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createProgress, progressLine, type StepReport } from "./progress.ts";
import { folder } from "./run-here.test.ts";

const report = (step: number, dataMs: number, computeMs: number): StepReport => ({
  step,
  loss: 3.4657,
  accuracy: 0.125,
  gradNorm: 1,
  learningRate: 1e-3,
  logitScale: Math.log(14.3),
  images: 32,
  tokens: 16,
  epoch: 0,
  dataMs,
  computeMs,
});

const pace = { msPerStep: 100, imagesPerSecond: 320, dataMs: 21 };

test("progress says which share of the time waits for data", () => {
  const line = progressLine(report(41, 21, 79), 200, pace);
  expect(line).toMatch(
    /^ 42\/200 {2}loss 3\.466 {2}acc 13% {2}scale 14\.3 {2}320 img\/s {2}wait 21% {2}eta 0:16 {2}\d+\.\dG$/,
  );
});

test("whatever the numbers, loss and wait stand on a line of less than 80 columns", () => {
  const numbers = fc.record({
    steps: fc.integer({ min: 1, max: 9_999_999 }),
    loss: fc.float({ min: 0, max: 99_999, noNaN: true }),
    rate: fc.integer({ min: 0, max: 99_999 }),
    ms: fc.integer({ min: 1, max: 3000 }),
  });
  fc.assert(
    fc.property(numbers, ({ steps, loss, rate, ms }) => {
      const last = { ...report(0, ms, 0), loss, accuracy: 1, logitScale: Math.log(100) };
      const line = progressLine(last, steps, { msPerStep: ms, imagesPerSecond: rate, dataMs: ms });
      expect(line.length).toBeLessThan(80);
      expect(line).toMatch(/^ *1\/\d+ {2}loss [\d.]+ .*img\/s {2}wait 100% {2}eta /);
    }),
  );
});

test("a line of metrics counts the waiting of all steps since the one before, as the curves do", async () => {
  const metricsFile = join(folder, "metrics.jsonl");
  const progress = createProgress({ steps: 5, logEvery: 2, metricsFile, eventFolder: folder });
  await captureOutput(async () => {
    const costs = [50, 90, 10, 20, 40]; // of 100 ms a step
    for (const [step, dataMs] of costs.entries()) progress.report(report(step, dataMs, 100 - dataMs));
    await progress.finish();
  });
  const lines = readFileSync(metricsFile, "utf8").trimEnd().split("\n");
  const shares = lines.map((line) => JSON.parse(line) as { step: number; waitShare: number });
  expect(shares.map(({ step, waitShare }) => [step, waitShare])).toEqual([
    [0, 0.5],
    [2, 0.5],
    [4, 0.3],
  ]);
  expect(progress.waited()).toEqual({ dataMs: 210, ms: 500, share: 0.42 });
  const events = readdirSync(folder).find((name) => name.startsWith("events.out."));
  expect(readFileSync(join(folder, events ?? ""), "latin1").split("train/waitShare")).toHaveLength(4);
});
