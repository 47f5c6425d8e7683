import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isStatistic } from "@clip-ts/core";
import { goldenArrays, goldenPath, largestDifference, relativeError } from "@clip-ts/test-utils";
import { beforeAll, expect, test } from "vitest";
import { configOf, folder, takeSteps, type Taken } from "./run-here.test.ts";

const model = { from: dirname(goldenPath("clip-resnet/open_clip_config.json")) };
const path = join(folder, "batches.safetensors");

/** A safetensors file with the reference's inputs as two batches. */
beforeAll(() => {
  const { pixel_values: pixels, input_ids: ids } = goldenArrays("clip-resnet/io.safetensors");
  const header: Record<string, unknown> = {};
  let offset = 0;
  const arrays = [0, 1].flatMap((batch) => [
    [`pixel_values.${batch}`, pixels!] as const,
    [`input_ids.${batch}`, ids!] as const,
  ]);
  for (const [name, { dtype, shape, values }] of arrays) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const bodies = arrays.map(([, { values }]) => Buffer.from(values.buffer));
  writeFileSync(path, Buffer.concat([length, json, ...bodies]));
});

const take = (name: string, changes: object): Promise<Taken> =>
  takeSteps(
    configOf(name, {
      model,
      data: { train: { kind: "tensors", path } },
      steps: 1,
      schedule: { kind: "constant", learningRate: 0.01 },
      ...changes,
    }),
  );

const isRunning =
  ({ plan }: Taken) =>
  (path: string): boolean =>
    isStatistic(plan.model[path]!);

const changed = ({ before, after }: Taken, isWanted: (path: string) => boolean): string[] =>
  Object.keys(after).filter((leaf) => isWanted(leaf) && largestDifference(after[leaf]!, before[leaf]!) > 0);

test.each(["wasm", "onnx"])("a ResNet's running statistics after a step are PyTorch's (%s)", async (engine) => {
  const taken = await take(`running-${engine}`, { engine });
  const statistics = Object.keys(taken.after).filter(isRunning(taken));
  expect(Object.values(taken.plan.trained).some(isStatistic)).toBe(false);
  const golden = goldenArrays("clip-resnet/running-after.safetensors");
  let compared = 0;
  for (const leaf of statistics) {
    const reference = golden[leaf.replace("vision_model.", "visual.")] ?? golden[leaf.replace("vision_model.", "")];
    if (reference === undefined) continue;
    compared += 1;
    expect(relativeError(taken.after[leaf]!, reference.values), leaf).toBeLessThan(1e-5);
  }
  expect(compared).toBe(statistics.length);
});

test.each(["wasm", "onnx"])("frozen, they stay as they are while the weights learn (%s)", async (engine) => {
  const taken = await take(`frozen-${engine}`, {
    engine,
    lock: { image: { unlockedGroups: "all" } },
  });
  expect(changed(taken, isRunning(taken))).toEqual([]);
  expect(changed(taken, (leaf) => leaf.endsWith("conv1.weight")).length).toBeGreaterThan(0);
});

test("each micro-batch updates them once, in turn", async () => {
  const once = await take("one", { steps: 2 });
  const parts = await take("parts", { accumulate: 2 });
  const moved = changed(parts, isRunning(parts));
  expect(moved).toEqual(changed(once, isRunning(once)));
  // The mean of two halves' means, weighed by momentum 0.1, is near what two whole batches leave.
  const leaf = "vision_model.bn1.running_mean";
  const [start, twice, halves] = [parts.before[leaf]!, once.after[leaf]!, parts.after[leaf]!];
  const length = Math.hypot(...twice.map((value, channel) => value - start[channel]!));
  const apart = Math.hypot(...halves.map((value, channel) => value - twice[channel]!));
  expect(apart / length).toBeLessThan(0.5);
});
