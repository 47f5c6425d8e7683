import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { captureOutput } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { graphicsCard } from "./tensorflow.ts";
import { inspectEngines, tryEngine, tryEngines } from "./inspect.ts";

if (!existsSync(fileURLToPath(new URL("../dist/index.js", import.meta.url)))) {
  throw new Error("These tests start the built package: run pnpm build first.");
}

test("every engine that is called available has started and computed rightly", async () => {
  const { result, stdout, stderr } = await captureOutput(tryEngines);
  expect([stdout, stderr]).toEqual(["", ""]);
  const installed = inspectEngines();
  expect(result.map(({ name }) => name)).toEqual(installed.map(({ name }) => name));
  const byName = new Map(result.map((status) => [status.name, status]));
  for (const name of ["onnx", "wasm", "cpu"] as const) {
    expect([name, byName.get(name)?.available]).toEqual([name, true]);
  }
  for (const { name, available, detail, fix } of installed) {
    if (!available) expect(byName.get(name)).toEqual({ name, available, detail, fix });
  }
});

test.skipIf(graphicsCard() !== undefined)(
  "an engine for GPUs is missing where there is none, and says why in one line",
  async () => {
    const { available, detail } = await tryEngine("onnx-gpu");
    expect([available, detail]).toEqual([false, expect.stringMatching(/reaches no GPU\. .*CUDA/u)]);
    expect(detail).not.toMatch(/\n|\[E:onnxruntime/u);
  },
);
