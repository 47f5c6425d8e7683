import { captureOutput } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { settleEpochs } from "./settle-epochs.ts";

const config = (changes: object) => ({
  run: "runs/epochs",
  model: { preset: "nano" },
  data: { train: { kind: "synthetic", count: 50 }, batchSize: 8 },
  ...changes,
});

test.each([
  [{ epochs: 3 }, 18], // 50 pairs make 6 whole steps of 8
  [{ epochs: 0.5 }, 3],
  [{ epochs: 2, accumulate: 2 }, 6],
])("%j are so many whole steps", async (changes, steps) => {
  let settled: object = {};
  const { stderr } = await captureOutput(async () => {
    settled = await settleEpochs(config(changes), "a config");
    return 0;
  });
  const { epochs: _, ...rest } = changes as { epochs: number };
  expect(settled).toEqual({ ...config(rest), steps });
  expect(stderr).toContain(`steps ${steps}`);
});

test("settings with steps stay as they are", async () => {
  const settings = config({ steps: 7 });
  expect(await settleEpochs(settings, "a config")).toBe(settings);
});

test.each([
  [{ epochs: 2, steps: 3 }, '"epochs" and "steps" both say how long'],
  [{ epochs: -1 }, "expects a number above 0, such as 32; got -1"],
  [{ epochs: "2" }, 'expects a number above 0, such as 32; got "2"'],
  [{ epochs: 0.01 }, "0.01 epochs of 50 pairs make no step of 8"],
  [{ epochs: 1, stepz: 1 }, '"stepz" is not a setting'],
  [
    { epochs: 1, data: { train: { kind: "tensors", path: "t.safetensors" } } },
    "a file of tensors has batches of any size",
  ],
])("refused: %j", async (changes, message) => {
  await expect(settleEpochs(config(changes), "a config")).rejects.toMatchObject({
    code: "bad-config",
    message: expect.stringContaining(message) as string,
  });
});
