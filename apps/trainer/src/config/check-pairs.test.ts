import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromFloat32, serializeSafetensors } from "@clip-ts/weights";
import { captureOutput } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { configOf } from "../commands/train/run-here.test.ts";
import { openTrainingBatches } from "./batches.ts";
import { openRunModel } from "./model.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-pairs-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Opens the batches of a run and takes one. */
async function firstBatch(changes: Readonly<Record<string, unknown>>): Promise<number> {
  const { model, data } = configOf("pairs", changes);
  const { description } = await openRunModel(model);
  const batches = await openTrainingBatches(data, description);
  const { batch } = await batches.next();
  await batches.close();
  return batch;
}

const reason = /A step of one pair has nothing to tell apart: the contrastive loss is 0/;

test("one pair a step is refused under the contrastive loss, whatever is added to it", async () => {
  const data = { batchSize: 1 };
  for (const loss of [
    undefined,
    { kind: "contrastive" },
    { kind: "contrastive", labelSmoothing: 0.1 },
    { kind: "contrastive", chunk: 1 },
  ]) {
    await expect(firstBatch({ data, ...(loss && { loss }) })).rejects.toThrow(reason);
  }
  const several = { loss: { kind: "contrastive", multiPositive: true } };
  await expect(firstBatch({ data: { ...data, distinct: false }, ...several })).rejects.toThrow(
    /Raise "data\.batchSize" to two or more/,
  );
});

test("a data set of one pair is refused for that, not for a batch size that it cannot have", async () => {
  const data = { train: { kind: "synthetic", count: 1 }, batchSize: 2 };
  await expect(firstBatch({ data })).rejects.toThrow(/has one pair: add others/);
});

test("micro-batches of one are a batch of several", async () => {
  expect(await firstBatch({ data: { batchSize: 1 }, accumulate: 2 })).toBe(2);
});

test("the sigmoid loss of one pair is computed, and it is said what it lacks", async () => {
  const { result, stderr } = await captureOutput(() =>
    firstBatch({ data: { batchSize: 1 }, loss: { kind: "sigmoid" } }),
  );
  expect(result).toBe(1);
  expect(stderr).toContain("a step of one pair shows what belongs together and nothing that does");
});

test("ready-made batches of one pair are refused as well", async () => {
  const path = join(folder, "single.safetensors");
  const zeros = (...shape: number[]) =>
    fromFloat32(new Float32Array(shape.reduce((product, side) => product * side, 1)), shape);
  const sizes = [2, 1].flatMap((rows, index) => [
    [`pixel_values.${index}`, zeros(rows, 3, 8, 8)] as const,
    [`input_ids.${index}`, zeros(rows, 4)] as const,
  ]);
  const chunks = serializeSafetensors(Object.fromEntries(sizes)).chunks();
  writeFileSync(path, Buffer.concat([...chunks]));
  const data = { train: { kind: "tensors", path } };
  await expect(firstBatch({ data })).rejects.toThrow(/Put two pairs or more into each array of/);
});
