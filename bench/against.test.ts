// This tree beside another: two sides of the tree at hand are interleaved as two revisions would be; laying out
// another revision, which installs and builds, is left to those who compare.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";
import { compareTrees } from "./commands/against.mjs";
import { createRun } from "./commands/run.mjs";
import type { Timing } from "./measure/rounds.mjs";
import { readOptions, UsageError } from "./options.mjs";
import { againstRows, sameBits } from "./report/against.mjs";
import { textTable } from "./report/text-table.mjs";

vi.setConfig({ testTimeout: 180_000 }); // it starts four processes, one after another
const folder = mkdtempSync(join(tmpdir(), "clip-ts-against-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const root = fileURLToPath(new URL("..", import.meta.url));

/** What one tree's side gave in rounds of these milliseconds. */
function treeOf(milliseconds: number[], { peakBytes = 2 ** 30, loss = 3 } = {}) {
  const timing: Timing = {
    name: "onnx f32",
    facts: {},
    prepareMilliseconds: 0,
    firstMilliseconds: 0,
    milliseconds,
    userMilliseconds: milliseconds.map((value) => 2 * value),
    cpuMilliseconds: [],
    shown: milliseconds.map(() => ({ loss, gradNorm: 1 })),
    peakBytes,
    roundPeakBytes: peakBytes,
  };
  return { timing, builds: [8000, 9000, 10_000] };
}

test("two sides of one tree are interleaved, compute the same bits, and have their rows", async () => {
  const words = "train --quick --against HEAD --engines onnx --precision f32 --starts 2".split(" ");
  const run = createRun(readOptions(words).options, folder);
  const notes: string[] = [];
  const {
    rows,
    notes: told,
    agreement,
  } = await compareTrees({ ...run, note: (line) => void notes.push(line) }, ["onnx"], root);
  expect(agreement).toEqual({ holds: true });
  expect(rows.map(([what]) => what)).toEqual([
    "",
    ..."wall ms,user ms,peak GiB,build s".split(",").map((what) => `onnx f32 ${what}`),
  ]);
  expect(told.join("\n")).toContain("of 3 steps are the same, bit for bit");
  const order = notes.flatMap((line) => /^round \d.*(before|now)/.exec(line)?.[1] ?? []);
  expect(order).toEqual(["now", "before", "before", "now"]);
  expect(notes.filter((line) => line === "preparing onnx f32 before")).toHaveLength(2);
});

test("medians are held to the bounds, at most 80 columns wide", () => {
  const before = treeOf([100, 110, 90]);
  const now = treeOf([104, 104, 99], { peakBytes: 1.03 * 2 ** 30 });
  const rows = againstRows([{ name: "tensorflow bf16", before, now }]);
  expect(rows.slice(1).map((row) => row.slice(1))).toEqual([
    ["100", "104", "1.040x", "0.95-1.10", "<= 1.05x", "held"],
    ["200", "208", "1.040x", "0.95-1.10", "<= 1.02x", "missed"],
    ["1.00", "1.03", "1.030x", "", "<= 1.02x", "missed"],
    ["9.0", "9.0", "1.000x", "1.00-1.00", "<= 1.1x", "held"],
  ]);
  const missing = againstRows([{ name: "tensorflow-gpu f32", before: undefined, now }]);
  const widths = textTable([...rows, ...missing.slice(1)])
    .split("\n")
    .map((line) => line.length);
  expect(Math.max(...widths)).toBeLessThanOrEqual(80);
  expect(missing.slice(1).map((row) => row.at(-1))).toEqual(["-", "-", "-", "-"]);
});

test("steps that differ in one bit are told of, and so is a tree that did not run", () => {
  const before = treeOf([1, 2]);
  const changed = treeOf([1, 2], { loss: 3.0000000000000004 });
  const { holds, text } = sameBits({ name: "onnx f32", before, now: changed });
  expect(holds).toBe(false);
  expect(text).toContain("THE STEPS ARE NOT THE SAME: loss 3 became 3.0000000000000004 in step 1");
  expect(sameBits({ name: "onnx f32", before, now: undefined })).toEqual({
    holds: false,
    text: "onnx f32: only before ran: NOTHING TO COMPARE.",
  });
});

test("the words say the revision and how much is measured", () => {
  const { options } = readOptions(["train", "--against", "main", "--starts", "5"]);
  expect(options).toMatchObject({ against: "main", starts: 5, isPrecisionGiven: false });
  expect(readOptions(["train", "--precision", "bf16"]).options.isPrecisionGiven).toBe(true);
  expect(() => readOptions(["infer", "--against", "main"])).toThrow(UsageError);
  expect(() => readOptions(["train", "--against", "main", "--starts", "few"])).toThrow(UsageError);
});
