import { matMul, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { HostArray } from "../program/host-array.ts";
import { trace } from "../trace/trace.ts";
import { compileTensorflow } from "./compile-tensorflow.ts";
import { folders, hasTensorflow } from "./tensorflow-here.test.ts";
import { writeSavedModel } from "./write-saved-model.ts";

const graph = trace(({ x, w }) => ({ y: matMul(x as Tensor, w as Tensor) }), {
  x: { shape: [1, 2] },
  w: { shape: [2, 2] },
});
const matrix = (shape: readonly number[], ...values: number[]): HostArray => ({
  data: Float32Array.from(values),
  shape,
});

test("state that no step changes is rounded by an entry point of its own", () => {
  const state = { w: { shape: [2, 2] } };
  const frozen = writeSavedModel({ state, steps: { run: { graph } }, precision: "bf16" });
  expect(Object.keys(frozen.signatures)).toContain("round");
  const changed = { run: { graph, updates: { w: "y" } } };
  const trained = writeSavedModel({ state, steps: changed, precision: "bf16" });
  expect(Object.keys(trained.signatures)).not.toContain("round");
});

test.skipIf(!hasTensorflow).each(["f32", "bf16"] as const)(
  "inputs that last are kept until another array comes (%s)",
  async (precision) => {
    const compiled = await compileTensorflow(graph, { folders, precision, lasting: ["w"] });
    const x = matrix([1, 2], 1, 2);
    const [first, second] = [matrix([2, 2], 1, 2, 3, 4), matrix([2, 2], 5, 6, 7, 8)];
    const answers = [];
    for (const w of [first, first, second, first]) {
      answers.push(Array.from((await compiled.run({ x, w }))["y"]?.data ?? []));
    }
    expect(answers).toEqual([
      [7, 10],
      [7, 10],
      [19, 22],
      [7, 10],
    ]);
    await expect(compiled.run({ x })).rejects.toThrow('needs "w" [2, 2]');
    await compiled.dispose();
  },
);
