import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { evaluationNames, readMetrics, stepLines, thinned, totalsOf, withRates } from "./metrics.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-metrics-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("whole lines are read, whatever stands between and after them", async () => {
  const file = join(folder, "metrics.jsonl");
  writeFileSync(file, '{"step":0,"loss":3}\n\nnull\n7\n{"loss":1}\n{"step":1,"zeroShot.top1":0.5}\r\n{"step":2,"lo');
  const lines = await readMetrics(file);
  expect(lines).toEqual([
    { step: 0, loss: 3 },
    { step: 1, "zeroShot.top1": 0.5 },
  ]);
  expect(stepLines(lines)).toEqual([{ step: 0, loss: 3 }]);
  expect(evaluationNames(lines)).toEqual(["zeroShot.top1"]);
  expect(await readMetrics(join(folder, "none.jsonl"))).toEqual([]);
});

test("totals weigh steps by their time, and lines stand for the steps that were left out", () => {
  const line = (step: number, dataMs: number, computeMs: number) => ({ step, images: 8, dataMs, computeMs });
  expect(totalsOf([line(0, 30, 70), line(1, 0, 300)])).toEqual({ steps: 2, images: 16, ms: 400, waitShare: 30 / 400 });
  const sparse = [line(0, 0, 100), { ...line(10, 90, 10), waitShare: 0.2 }];
  expect(totalsOf(sparse)).toEqual({ steps: 11, images: 88, ms: 1100, waitShare: 200 / 1100 });
  expect(totalsOf([])).toEqual({ steps: 0, images: 0, ms: 0, waitShare: 0 });
});

test("a line gets rates unless it has no times", () => {
  expect(withRates({ step: 0, images: 10, dataMs: 50, computeMs: 50 })).toMatchObject({
    imagesPerSecond: 100,
    waitShare: 0.5,
  });
  expect(withRates({ step: 0 })).toEqual({ step: 0 });
});

test("a long curve becomes means, and what is no number is left out", () => {
  const lines = Array.from({ length: 10 }, (_, step) => ({ step, loss: step }));
  expect(thinned([...lines, { step: 10, loss: Number.NaN }], "loss", 5)).toEqual(
    [0.5, 2.5, 4.5, 6.5, 8.5].map((value, index) => ({ step: 2 * index + 1, value })),
  );
});
