import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockRun } from "@clip-ts/node";
import { captureOutput } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import type { RunSummary } from "../../pages/run-summary.ts";
import { findRuns } from "./find-runs.ts";
import { readRun } from "./read-run.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-runs-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes files of a run's folder. */
function put(name: string, files: Readonly<Record<string, string>>): string {
  const run = join(folder, name);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(run, file, ".."), { recursive: true });
    writeFileSync(join(run, file), content);
  }
  return run;
}

const read = (name: string): Promise<RunSummary> => readRun({ name, folder: join(folder, name) });

const step = (number: number, loss: number | null): string =>
  `${JSON.stringify({ step: number, loss, images: 8, dataMs: 20, computeMs: 60 })}\n`;
const session = (event: object): string => `${JSON.stringify(event)}\n`;
const begin = session({ event: "begin", at: "2026-01-01T00:00:00Z", step: 0, engine: "onnx" });
const end = (how: string, reason?: string): string =>
  session({ event: "end", at: "2026-01-01T00:02:05Z", step: 2, how, reason });

const config = "run: somewhere\nsteps: 3\nmodel: { preset: nano }\nengine: auto\n";

test("runs are found in folders and below, each once, called by where they lie", async () => {
  put("sets/a/one", { "config.yaml": "steps: 1" });
  put("sets/a/one/checkpoints/step-0000001", { "config.yaml": "not a run of its own" });
  put("sets/b/one", { "metrics.jsonl": "" });
  put("sets/.hidden", { "config.yaml": "" });
  symlinkSync(join(folder, "sets/a/one"), join(folder, "sets/again"));
  const sets = join(folder, "sets");
  expect((await findRuns([sets])).map(({ name }) => name)).toEqual([join("a", "one"), join("b", "one")]);
  const both = await findRuns([join(sets, "a/one"), join(sets, "b/one"), join(sets, "again")]);
  expect(both.map(({ name }) => name)).toEqual([join(sets, "a/one"), join(sets, "b/one")]);
  expect((await findRuns([join(sets, "b/one/")])).map(({ name }) => name)).toEqual(["one"]);
});

test("what is no folder of runs is named with what was expected", async () => {
  mkdirSync(join(folder, "empty"));
  await expect(findRuns([join(folder, "nowhere")])).rejects.toThrow(/There is no folder .*nowhere\. Name a run/);
  await expect(findRuns([join(folder, "empty")])).rejects.toThrow(
    /empty holds no run: a run's folder has a config.yaml/,
  );
  await expect(findRuns([join(put("file", { text: "" }), "text")])).rejects.toThrow(/text is a file\. Name the folder/);
});

test("a run's numbers come from whole lines: last and best loss, speed, waiting, evaluations", async () => {
  const losses = Array.from({ length: 30 }, (_, index) => step(index, index < 20 ? 20 - index : 5)).join("");
  const evaluated = [9, 19, 29].map((at, index) =>
    session({ step: at, "zeroShot.top1": [0.1, 0.5, 0.4][index], "r.medianRank": [9, 3, 4][index] }),
  );
  put("numbers", { "config.yaml": config, "metrics.jsonl": `${losses}${evaluated.join("")}{"step": 30, "lo` });
  const run = await read("numbers");
  expect(run).toMatchObject({
    steps: 30,
    asked: 3,
    model: "nano",
    imagesPerSecond: 100,
    waitShare: 0.25,
    wallMs: 2400,
  });
  expect(run.loss).toEqual({ last: 5, best: 4, bestStep: 25 });
  expect(run.evaluations).toEqual({
    "zeroShot.top1": { best: 0.5, step: 20, last: 0.4 },
    "r.medianRank": { best: 3, step: 20, last: 4 },
  });
  expect(run.curves["loss"]).toHaveLength(30);
  expect(run.settings).toMatchObject({ "model.preset": "nano", steps: 3 });
});

test.each([
  ["done", begin + end("done"), "done", undefined],
  ["diverged", begin + end("diverged", "The loss is NaN"), "diverged", "The loss is NaN"],
  ["killed", begin, "killed", undefined],
  ["resumed", begin + begin + end("stopped early"), "stopped early", undefined],
  ["broken record", `${begin}${end("interrupted")}{"event":"be`, "interrupted", undefined],
])("the last session says how a run ended: %s", async (name, sessions, state, reason) => {
  put(name, { "config.yaml": config, "sessions.jsonl": sessions, "metrics.jsonl": step(0, 1) });
  expect(await read(name)).toMatchObject({ state, reason, engine: "onnx" });
});

test("a session lasts to its end, one that was cut off to the last metrics", async () => {
  put("wall", {
    "sessions.jsonl":
      begin + end("done") + begin.replace("00:00:00", "01:00:00") + end("done").replace("00:02:05", "01:00:10"),
  });
  expect(await read("wall")).toMatchObject({ wallMs: 135_000 });
});

test("runs of versions that kept no record: done, diverged or unfinished", async () => {
  put("old", { "config.yaml": config, "metrics.jsonl": [0, 1, 2].map((at) => step(at, 1)).join("") });
  put("old-diverged", {
    "config.yaml": config,
    "metrics.jsonl": step(0, null),
    "checkpoints/step-0000001.diverged/x": "",
  });
  put("old-begun", { "config.yaml": config });
  expect(await read("old")).toMatchObject({ state: "done", wallMs: 240, engine: "auto" });
  expect(await read("old-diverged")).toMatchObject({ state: "diverged", loss: undefined, steps: 1 });
  expect(await read("old-begun")).toMatchObject({ state: "unfinished", steps: 0, waitShare: undefined });
});

test("a run that is being trained is running, whatever it recorded", async () => {
  const run = put("running", { "config.yaml": config, "sessions.jsonl": begin + end("interrupted") });
  const lock = await lockRun(run);
  expect(await read("running")).toMatchObject({ state: "running" });
  await lock.release();
  expect(await read("running")).toMatchObject({ state: "interrupted" });
});

test("settings that cannot be read are said and left out; changes on the way are kept", async () => {
  const change = { step: 2, key: "steps", from: 3, to: 6 };
  put("odd", { "config.yaml": "a: [", "config-changes.jsonl": `${JSON.stringify(change)}\n{"step` });
  const { result, stderr } = await captureOutput(() => read("odd"));
  expect(result).toMatchObject({ settings: {}, model: "unknown", asked: undefined, changes: [change] });
  expect(stderr).toMatch(/config\.yaml is not valid YAML: .* Its settings are left out\./);
});
