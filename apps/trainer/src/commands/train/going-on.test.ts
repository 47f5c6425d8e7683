import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isClipError, type ClipError } from "@clip-ts/base";
import type { PairSource } from "@clip-ts/data";
import { lockRun } from "@clip-ts/node";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { openSource } from "../../config/sources.ts";
import { configOf, folder } from "./run-here.test.ts";
import { runTraining } from "./run-training.ts";

const saving = { steps: 4, checkpoint: { every: 2, keep: 3 } };

async function errorOf(run: Promise<unknown>): Promise<ClipError> {
  const error: unknown = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (isClipError(error)) return error;
  throw new Error(`expected a ClipError, got ${String(error)}`);
}

const checkpoint = (run: string, step: number): string =>
  join(folder, run, "checkpoints", `step-${String(step).padStart(7, "0")}`);

function flip(path: string): void {
  const bytes = readFileSync(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = bytes[middle]! ^ 1;
  writeFileSync(path, bytes);
}

const syntheticRecords = (count: number): Promise<PairSource> => openSource({ kind: "synthetic", count }, 0);

const whole = await runTraining(configOf("whole", saving));

test("settings that would change the steps to come are refused by name, all at once", async () => {
  const other = configOf("whole", {
    ...saving,
    seed: 1,
    schedule: { kind: "constant", learningRate: 0.2 },
    ema: { decay: 0.5 },
    data: { batchSize: 4 },
  });
  const { message, code } = await errorOf(runTraining(other, { resume: true }));
  expect(code).toBe("bad-config");
  expect(message).toContain("seed: 0 -> 1");
  expect(message).toContain("schedule.learningRate: 0.1 -> 0.2");
  expect(message).toContain("ema.decay: absent -> 0.5");
  expect(message).toContain("data.batchSize: 8 -> 4");
  expect(message).toContain("without --resume");
});

test("settings that change no step are taken, recorded with their step, and are the config from then on", async () => {
  cpSync(join(folder, "whole"), join(folder, "longer"), { recursive: true });
  const longer = configOf("longer", {
    ...saving,
    steps: 6,
    logEvery: 2,
    checkpoint: { every: 1, keep: 3 },
    data: { prefetch: 0 },
  });
  expect(await runTraining(longer, { resume: true })).toMatchObject({ step: 6 });
  const recorded = parse(readFileSync(join(folder, "longer/config.yaml"), "utf8")) as unknown;
  expect(recorded).toMatchObject({ steps: 6, logEvery: 2, checkpoint: { every: 1 } });
  const lines = readFileSync(join(folder, "longer/config-changes.jsonl"), "utf8").trim().split("\n");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual({
    step: 4,
    key: "steps",
    from: 4,
    to: 6,
  });
  expect(lines).toHaveLength(4);
});

test("data of another size are refused by the checkpoint's identity", async () => {
  const name = "identity";
  await runTraining(configOf(name, saving));
  const state = join(checkpoint(name, 4), "state.json");
  const stored = JSON.parse(readFileSync(state, "utf8")) as {
    identity: { data: { count: number; sha256: string } };
  };
  expect(stored.identity.data).toMatchObject({ count: 32 });
  expect(stored.identity.data.sha256).toMatch(/^[0-9a-f]{64}$/);
  const { records, label } = await syntheticRecords(31);
  const fewer = await errorOf(runTraining(configOf(name, saving), { resume: true, source: { label, records } }));
  expect(fewer.message).toContain("a size of 31, not 32");
  const renamed = (await syntheticRecords(32)).records.map((record, index) =>
    index === 7 ? { ...record, captions: ["another word"] } : record,
  );
  const others = await errorOf(
    runTraining(configOf(name, saving), { resume: true, source: { label, records: renamed } }),
  );
  expect(others.message).toContain("names or captions differ");
});

test.each(["model.safetensors", "optimizer.safetensors", "state.json", "tokenizer.json"])(
  "a flipped bit in %s is named, and the run goes on from the checkpoint before",
  async (file) => {
    const name = `flipped-${file}`;
    cpSync(join(folder, "whole"), join(folder, name), { recursive: true });
    flip(join(checkpoint(name, 4), file));
    const result = await runTraining(configOf(name, saving), { resume: true });
    expect(result).toMatchObject({ step: 4, checkpoint: checkpoint(name, 4) });
    expect(readdirSync(join(folder, name, "checkpoints")).toSorted()).toEqual([
      "step-0000002",
      "step-0000004",
      "step-0000004.damaged",
    ]);
    const weights = (run: string): string => readFileSync(join(checkpoint(run, 4), "model.safetensors"), "base64");
    expect(weights(name)).toBe(weights("whole"));
  },
);

test("a lost file is damage too, and with every checkpoint damaged all are named", async () => {
  cpSync(join(folder, "whole"), join(folder, "lost"), { recursive: true });
  renameSync(join(checkpoint("lost", 4), "optimizer.safetensors"), join(folder, "lost", "optimizer.safetensors"));
  flip(join(checkpoint("lost", 2), "model.safetensors"));
  const { message, code } = await errorOf(runTraining(configOf("lost", saving), { resume: true }));
  expect(code).toBe("bad-data");
  expect(message).toContain("step-0000004: optimizer.safetensors cannot be read");
  expect(message).toContain("step-0000002: model.safetensors is not what was written");
  expect(existsSync(checkpoint("lost", 4))).toBe(true);
});

test("a run's folder takes one trainer at a time", async () => {
  const lock = await lockRun(join(folder, "whole"));
  const { message } = await errorOf(runTraining(configOf("whole", saving), { resume: true }));
  expect(message).toContain(`process ${process.pid}`);
  await lock.release();
  expect(await runTraining(configOf("whole", saving), { resume: true })).toEqual(whole);
});
