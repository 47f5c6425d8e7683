import { div, matMul, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { type HostArray, trace } from "@clip-ts/jit";
import { compileTensorflow } from "./tensorflow-module.ts";
import { folders, hasTensorflow } from "./tensorflow-here.test.ts";
import { writeSavedModel } from "./write-saved-model.ts";

/** As many rows as a matmul must have to be rounded. */
const side = 20;
const graph = trace(({ x, w }) => ({ y: matMul(x as Tensor, w as Tensor) }), {
  x: { shape: [side, side] },
  w: { shape: [side, side] },
});
/** A matrix of zeros, but for the upper left corner: a b; c d. */
const corner = (a: number, b: number, c = 0, d = 0): HostArray => {
  const data = new Float32Array(side * side);
  data.set([a, b]);
  data.set([c, d], side);
  return { data, shape: [side, side] };
};

test("state that no entry point changes is rounded by an entry point of its own", () => {
  const state = { w: { shape: [side, side] } };
  const frozen = writeSavedModel({ state, entryPoints: { run: { graph } }, precision: "bf16" });
  expect(Object.keys(frozen.signatures)).toContain("round");
  const changed = { run: { graph, updates: { w: "y" } } };
  const trained = writeSavedModel({ state, entryPoints: changed, precision: "bf16" });
  expect(Object.keys(trained.signatures)).not.toContain("round");
});

test.skipIf(!hasTensorflow).each(["f32", "bf16"] as const)(
  "inputs that last are kept until another array comes (%s)",
  async (precision) => {
    const compiled = await compileTensorflow(graph, { folders, precision, lasting: ["w"] });
    const x = corner(1, 2);
    const [first, second] = [corner(1, 2, 3, 4), corner(5, 6, 7, 8)];
    const answers = [];
    for (const w of [first, first, second, first]) {
      const { y } = await compiled.run({ x, w });
      answers.push(Array.from(y?.data.subarray(0, 2) ?? []));
    }
    expect(answers).toEqual([
      [7, 10],
      [7, 10],
      [19, 22],
      [7, 10],
    ]);
    await expect(compiled.run({ x })).rejects.toThrow('needs "w" [20, 20]');
    await compiled.dispose();
  },
);

test.skipIf(!hasTensorflow).each(["f32", "bf16"] as const)("bytes are read where they lie (%s)", async (precision) => {
  const half = trace(({ x }) => ({ y: div(x as Tensor, 2) }), { x: { shape: [2, 3], dtype: "uint8" } });
  const compiled = await compileTensorflow(half, { folders, precision });
  const shared = new Uint8ClampedArray(new SharedArrayBuffer(8), 1, 6);
  shared.set([0, 1, 2, 127, 128, 255]);
  for (const data of [shared, Uint8ClampedArray.from(shared)]) {
    const { y } = await compiled.run({ x: { data, shape: [2, 3] } });
    expect(y).toEqual({ data: Float32Array.of(0, 0.5, 1, 63.5, 64, 127.5), shape: [2, 3] });
  }
  const numbers = { data: Float32Array.from(shared), shape: [2, 3] };
  await expect(compiled.run({ x: numbers })).rejects.toThrow("takes x [2, 3] of uint8, not [2, 3] of float32");
  await compiled.dispose();
});
