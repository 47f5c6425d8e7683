import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { memory, tensor, tensor1d, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { clipByGlobalNorm, globalNorm } from "./index.ts";

const length = (trees: Record<string, Tensor>): number =>
  Math.hypot(...Object.values(trees).flatMap((leaf) => [...leaf.dataSync()]));
const dispose = (tree: Record<string, Tensor>): void => {
  for (const leaf of Object.values(tree)) leaf.dispose();
};

test("PyTorch's clipping", async () => {
  const url = new URL("fixtures/pytorch-optimizers.json", import.meta.url);
  const { shapes, grads, clipped } = JSON.parse(await readFile(url, "utf8"));
  const tree = Object.fromEntries(
    Object.entries(grads[1] as Record<string, number[]>).map(([path, values]) => [
      path,
      tensor(values, shapes[path] as number[]),
    ]),
  );
  const result = clipByGlobalNorm(tree, clipped.maxNorm as number);
  expect(result.norm.dataSync()[0]).toBeCloseTo(clipped.norm as number, 5);
  for (const [path, leaf] of Object.entries(result.grads)) {
    expect(leaf.shape).toEqual(shapes[path]);
    [...leaf.dataSync()].forEach((value, index) => {
      expect(value).toBeCloseTo(clipped.grads[path][index] as number, 6);
    });
  }
  dispose({ ...tree, norm: result.norm });
  dispose(result.grads);
});

const vectors = fc.dictionary(
  fc.string(),
  fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 1, maxLength: 8 }),
  { minKeys: 1, maxKeys: 5 },
);

test("the norm never exceeds its limit, small gradients keep their length, directions stay", () => {
  fc.assert(
    fc.property(vectors, fc.double({ min: 0.01, max: 100, noNaN: true }), (values, maxNorm) => {
      const before = memory().numTensors;
      const grads = Object.fromEntries(Object.entries(values).map(([path, list]) => [path, tensor1d(list)]));
      const { grads: clipped, norm } = clipByGlobalNorm(grads, maxNorm);
      expect(memory().numTensors).toBe(before + 2 * Object.keys(grads).length + 1);

      const original = length(grads);
      expect(Math.abs((norm.dataSync()[0] ?? Number.NaN) - original)).toBeLessThan(1e-5 * (1 + original));
      expect(length(clipped)).toBeLessThanOrEqual(maxNorm * (1 + 1e-5));
      const factor = Math.min(1, maxNorm / (original + 1e-6));
      for (const [path, list] of Object.entries(values)) {
        [...(clipped[path]?.dataSync() ?? [])].forEach((value, index) => {
          const expected = (list[index] ?? 0) * factor;
          expect(Math.abs(value - expected)).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(expected)));
        });
      }
      dispose({ norm });
      dispose(grads);
      dispose(clipped);
      expect(memory().numTensors).toBe(before);
    }),
  );
});

test("no gradients at all is an error", () => {
  expect(() => globalNorm({})).toThrow("Expected at least one gradient");
});
