import { tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import { backend } from "@tensorflow/tfjs-core";
import { afterAll, expect, test, vi } from "vitest";
import { checkEngine } from "./inspect.ts";
import { startEngine } from "./start.ts";

afterAll(() => useEngine("cpu"));

for (const engine of ["cpu", "wasm"] as const) {
  test(`${engine} answers every question rightly and leaves no tensor behind`, async () => {
    await useEngine(engine);
    const left = await tensorsLeftBy(async () => {
      const checks = await checkEngine();
      expect(checks.map(({ name, passed }) => [name, passed])).toEqual([
        ["matmul", true],
        ["softmax", true],
        ["gradient", true],
        ["sums over rows", true],
      ]);
    });
    expect(left).toBe(0);
  });
}

test("an engine that compiles is asked through a graph", async () => {
  const checks = await checkEngine(await startEngine("onnx"));
  expect(checks.map(({ name, passed }) => [name, passed])).toEqual([
    ["matmul", true],
    ["softmax", true],
    ["gradient", true],
    ["sums over rows", true],
  ]);
});

test("an engine that returns other numbers does not pass", async () => {
  await useEngine("cpu");
  const read = vi.spyOn(backend(), "read").mockResolvedValue(Float32Array.of(58, 64, 139, 155));
  const [matmul] = await checkEngine();
  read.mockRestore();
  expect(matmul).toMatchObject({ name: "matmul", passed: false, actual: [58, 64, 139, 155] });
});
