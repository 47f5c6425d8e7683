import { largestDifference, randomTensor, reference } from "@clip-ts/test-utils";
import { dispose, tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { layerNorm, layerNormSpec, type LayerNormParams } from "./layers.ts";
import { initParams } from "./spec.ts";

const params = { weight: randomTensor([6], "gain"), bias: randomTensor([6], "shift") };

test.each([1e-5, 1e-6, 0.1])("equals the float64 reference, eps %f", async (eps) => {
  const x = randomTensor([2, 3, 6], "x", 3);
  const expected = reference.layerNorm(
    await x.data(),
    { weight: await params.weight.data(), bias: await params.bias.data() },
    eps,
  );
  expect(largestDifference(await layerNorm(params, x, eps).data(), expected)).toBeLessThan(3e-6);
});

test("eps stands inside the root: a row of tiny spread is not blown up", async () => {
  const plain = initParams(layerNormSpec(2), 0) as LayerNormParams;
  const [low = 0, high = 0] = await layerNorm(plain, tensor([0, 2e-3], [1, 2])).data();
  // centred ±1e-3, variance 1e-6: ±1e-3 / √(1e-6 + 1e-5)
  expect(high).toBeCloseTo(1e-3 / Math.sqrt(1.1e-5), 5);
  expect(low).toBeCloseTo(-high, 6);
  dispose([plain.weight, plain.bias]);
});
