import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isClipError, type ClipError } from "@clip-ts/base";
import { useEngine } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { loadConfig, parseConfig } from "../../config/load-config.ts";
import { runOptions } from "../../config/run-options.ts";
import { runTraining } from "./run-training.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-faults-"));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await useEngine("cpu");
});

/** A run of the smallest model with some settings changed. */
function runWith(name: string, changes: Readonly<Record<string, unknown>>): Promise<unknown> {
  const config = {
    run: join(folder, name),
    engine: "cpu",
    model: { preset: "nano" },
    data: { train: { kind: "synthetic", count: 16 }, batchSize: 4 },
    steps: 8,
    ...changes,
  };
  return runTraining(runOptions(parseConfig(config, name)));
}

async function errorOf(run: Promise<unknown>): Promise<ClipError> {
  const error: unknown = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (isClipError(error)) return error;
  throw new Error(`expected a ClipError, got ${String(error)}`);
}

test.each(["cpu", "onnx"])(
  "a loss that is no number stops the run, says where, and quarantines what it spoilt (%s)",
  async (engine) => {
    const name = `diverging-${engine}`;
    const error = await errorOf(
      runWith(name, {
        engine,
        schedule: { kind: "constant", learningRate: 1e30 },
        checkpoint: { every: 1 },
      }),
    );
    expect(error.code).toBe("diverged");
    expect(error.message).toMatch(/diverged at step \d+: loss NaN, gradient norm NaN, learning rate 1\.00e\+30/);
    expect(error.message).toMatch(/\w+\.\w+.* NaN/);
    const { step } = error.data as { step: number };
    const kept = readdirSync(join(folder, name, "checkpoints"));
    expect(kept).toEqual([`step-${String(step).padStart(7, "0")}.diverged`]);
    expect(existsSync(join(folder, name, "latest"))).toBe(false);
  },
);

test("the last good checkpoint is kept, and the advice works when pasted", async () => {
  const name = "runaway";
  await runWith(name, {
    steps: 4,
    schedule: { kind: "constant", learningRate: 0.01 },
    checkpoint: { every: 2 },
  });
  const config = join(folder, name, "config.yaml");
  writeFileSync(config, readFileSync(config, "utf8").replace("learningRate: 0.01", "learningRate: 1e30"));
  const given = await loadConfig(config, ["steps=12", "checkpoint.every=1"]);
  const { message } = await errorOf(runTraining(runOptions(given), { resume: true }));
  expect(message).toContain("last good checkpoint, step-0000004");
  expect(readlinkSync(join(folder, name, "latest"))).toContain("step-0000004");

  const pasted = message.slice(message.indexOf("clip-ts train")).trim();
  const words = pasted.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", ""));
  const settings = words.filter((_, index) => words[index - 1] === "--set");
  const again = await loadConfig(words[2]!, [...settings, "schedule.learningRate=0.01"]);
  expect(settings).toContain("schedule.learningRate=1e+29");
  expect(again.model).toEqual({ from: join(folder, name, "checkpoints/step-0000004") });
  expect(await runTraining(runOptions(again))).toMatchObject({ step: 12 });
});

test("a missing dataset names what was looked for", async () => {
  const train = { kind: "folder", path: join(folder, "nowhere") };
  const error = await errorOf(runWith("missing", { data: { train } }));
  expect(error.code).toBe("not-found");
  expect(error.message).toContain("nowhere");
});

test("an empty folder is no dataset", async () => {
  mkdirSync(join(folder, "empty"));
  const train = { kind: "folder", path: join(folder, "empty") };
  const error = await errorOf(runWith("empty-run", { data: { train } }));
  expect(error.message).toContain("empty");
  expect(existsSync(join(folder, "empty-run", "checkpoints"))).toBe(false);
});

test("a folder in which no image can be read stops the run", async () => {
  const broken = join(folder, "broken");
  mkdirSync(broken);
  for (const name of ["a", "b", "c", "d"]) {
    writeFileSync(join(broken, `${name}.png`), "this is no picture");
    writeFileSync(join(broken, `${name}.txt`), `picture ${name}`);
  }
  const train = { kind: "folder", path: broken };
  const error = await errorOf(runWith("broken-run", { data: { train, batchSize: 2 } }));
  expect(error.code).toBe("bad-data");
});

test("sizes that do not fit together are refused before training", async () => {
  const error = await errorOf(runWith("misfit", { model: { preset: "nano", imageSize: 3 } }));
  expect(error.message).toContain("smaller than a patch of 4");
});

test("a model has one beginning", async () => {
  const none = await errorOf(runWith("none", { model: {} }));
  expect(none.message).toContain('"preset"');
  const unknown = await errorOf(runWith("unknown", { model: { preset: "ViT-B-33" } }));
  expect(unknown.message).toContain("ViT-B-32");
});

test("a pattern that names no parameter is an error", async () => {
  const optimizer = { kind: "adamw", multipliers: [["vision_modle", 0.1]] };
  const error = await errorOf(runWith("typo", { optimizer }));
  expect(error.message).toContain("vision_modle");
});

test("a pattern may name a subtree or be a regular expression", async () => {
  const multipliers = [
    ["vision_model", 0.1],
    ["/layer_norm\\d/", 0],
  ];
  await expect(runWith("patterns", { optimizer: { kind: "adamw", multipliers } })).resolves.toMatchObject({ step: 8 });
});
