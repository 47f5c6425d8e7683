// Emoji drawings as configs and command lines name them.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "@clip-ts/node";
import { useEngine } from "@clip-ts/test-utils";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../run-program.test.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-emoji-"));
const model = join(folder, "model");
const evaluate = (...argv: string[]): ReturnType<typeof runCommandLine> =>
  runCommandLine("evaluate", model, ...argv, "--engine", "cpu");

beforeAll(async () => {
  const config = preset("nano");
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(model, description, initClip(config, 3));
});
afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

test("emoji go by their names", async () => {
  const { result, stdout } = await evaluate("--retrieval", "emoji:fluent", "--limit", "6");
  expect(result).toBe(0);
  expect(stdout).toContain("Retrieval on emoji:fluent: 6 images, 6 texts");
});

test("emoji of a vendor that does not exist are refused with the names of those that do", async () => {
  const { result, stderr } = await evaluate("--retrieval", "emoji:fluent,acme");
  expect(result).toBe(1);
  expect(stderr).toContain('There are no emoji by "acme"; there are those of google, ');
});

test("emoji are no table", async () => {
  const { result, stderr } = await evaluate("--retrieval", "emoji:fluent", "--separator", ";");
  expect(result).toBe(2);
  expect(stderr).toContain("--separator and --quoting are for tables, and emoji:fluent is none.");
});

test("a config trains on emoji, records their settings, and its run goes on with them", async () => {
  const run = join(folder, "run");
  const config = join(folder, "emoji.yaml");
  const train = "{ kind: emoji, vendors: [google-2016] }";
  await writeFile(
    config,
    `run: ${JSON.stringify(run)}\nmodel: { preset: nano }\ndata: { train: ${train}, batchSize: 2 }\nsteps: 1\n`,
  );
  const first = await runCommandLine("train", config, "--engine", "cpu");
  expect([first.result, first.stderr]).toEqual([0, expect.stringContaining("data    emoji: ")]);
  const more = await runCommandLine("train", run, "--resume", "--set", "steps=2", "--engine", "cpu");
  expect([more.result, more.stdout]).toEqual([0, expect.stringContaining("Trained 2 steps")]);
  const vendors = "data.train.vendors=[emojis]";
  const wrong = await runCommandLine("train", config, "--set", vendors);
  expect([wrong.result, wrong.stderr]).toEqual([1, expect.stringContaining('"data.train.vendors')]);
  const other = await runCommandLine("train", config, "--set", "data.train.vendor=google");
  expect(other.stderr).toContain('"data.train.vendor" is not a setting. Did you mean "vendors"?');
}, 120_000);
