import { relativeError, useEngine, weightedSum, randomTensor } from "@clip-ts/test-utils";
import {
  conv2d,
  gather,
  grads,
  memory,
  unsortedSegmentSum,
  tensor,
  tidy,
  type Tensor,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";

afterAll(() => useEngine("cpu"));

const engines = ["cpu", "wasm"] as const;

/** The gradients of tfjs's own operation on both engines. */
async function onBoth(
  run: (...inputs: Tensor[]) => Tensor,
  shapes: readonly (readonly number[])[],
): Promise<[Float32Array[], Float32Array[]]> {
  const results: Float32Array[][] = [];
  for (const engine of engines) {
    await useEngine(engine);
    const inputs = shapes.map((shape, index) => randomTensor(shape, `input ${index}`));
    const found = tidy(() => grads((...xs: Tensor[]) => weightedSum(run(...xs)))(inputs));
    results.push((await Promise.all(found.map((x) => x.data()))) as Float32Array[]);
  }
  return results as [Float32Array[], Float32Array[]];
}

test("the gradient of gather is cpu's, repeated ids, every axis", async () => {
  const ids = [2, 0, 2, 2, 1];
  for (const axis of [0, 1, 2]) {
    const pick = (x: Tensor): Tensor => gather(x, tensor(ids, [5], "int32"), axis);
    const [cpu, wasm] = await onBoth(pick, [[4, 3, 5]]);
    expect(relativeError(wasm[0]!, cpu[0]!)).toBeLessThan(1e-6);
  }
});

test("segment ids outside the range are dropped", async () => {
  for (const engine of engines) {
    await useEngine(engine);
    const sums = unsortedSegmentSum(tensor([1, 2, 4, 8, 16, 32], [3, 2]), tensor([1, -1, 1], [3], "int32") as never, 2);
    expect(Array.from(await sums.data()), engine).toEqual([0, 0, 17, 34]);
  }
});

type Pad = "same" | "valid" | number | [[0, 0], [number, number], [number, number], [0, 0]];

interface Convolution {
  readonly side: [number, number];
  readonly kernel: [number, number];
  readonly strides: [number, number];
  readonly pad: Pad;
}

const pair = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));
const explicit = fc.tuple(pair(0, 2), pair(0, 2)).map(([rows, columns]): Pad => [[0, 0], rows, columns, [0, 0]]);
const oblong = fc.record({
  side: pair(5, 8),
  kernel: pair(1, 4),
  strides: pair(1, 3),
  pad: fc.oneof(fc.constantFrom<Pad>("same", "valid"), explicit),
});
// tfjs sizes the result of a padding in pixels by the kernel's height alone.
const square = fc
  .tuple(pair(5, 8), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }), fc.nat(2))
  .map(([side, kernel, stride, pad]): Convolution => {
    return { side, kernel: [kernel, kernel], strides: [stride, stride], pad };
  });
const convolutions = fc
  .oneof(oblong, square)
  .filter(({ pad, strides, kernel }) =>
    pad === "same" ? strides.every((stride, axis) => stride <= kernel[axis]!) : true,
  );

test("the gradients of conv2d are cpu's for every kernel, stride and padding", async () => {
  await fc.assert(
    fc.asyncProperty(convolutions, async (sizes) => {
      const { side, kernel, strides, pad } = sizes;
      const run = (x: Tensor, filter: Tensor): Tensor => conv2d(x as Tensor4D, filter as Tensor4D, strides, pad);
      const shapes = [
        [2, ...side, 3],
        [...kernel, 3, 2],
      ];
      const [cpu, wasm] = await onBoth(run, shapes);
      expect(relativeError(wasm[0]!, cpu[0]!)).toBeLessThan(1e-5);
      expect(relativeError(wasm[1]!, cpu[1]!)).toBeLessThan(1e-5);
    }),
    { numRuns: 80 },
  );
});

test("both leave only their results behind", async () => {
  await useEngine("wasm");
  const [x, filter] = [randomTensor([1, 5, 5, 2]), randomTensor([3, 3, 2, 2], "filter")];
  const table = randomTensor([4, 3], "table");
  const before = memory().numTensors;
  tidy(() => {
    const convolve = (a: Tensor, b: Tensor): Tensor => weightedSum(conv2d(a as Tensor4D, b as Tensor4D, 1, 1));
    grads(convolve)([x, filter]);
    grads((a: Tensor) => weightedSum(gather(a, tensor([1, 1], [2], "int32"))))([table]);
  });
  expect(memory().numTensors).toBe(before);
});
