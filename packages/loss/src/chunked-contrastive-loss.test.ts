import { l2Normalize, valueAndGradient } from "@clip-ts/core";
import {
  goldenArrays,
  goldenTensors,
  gradientFaults,
  randomTensor,
  relativeError,
  tensorsLeftBy,
  useEngine,
} from "@clip-ts/test-utils";
import { memory, profile, scalar, tensor, tidy, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { chunkedContrastiveLoss } from "./chunked-contrastive-loss.ts";
import { similarityLogits, symmetricCrossEntropy, type TargetOptions } from "./contrastive-loss.ts";

afterAll(() => useEngine("cpu"));

type Inputs = { imageFeatures: Tensor; textFeatures: Tensor; scale: Tensor };

const inputsOf = (batch: number, joint = 6, scale = 14.3): Inputs => ({
  imageFeatures: l2Normalize(randomTensor([batch, joint], "images")),
  textFeatures: l2Normalize(randomTensor([batch, joint], "texts")),
  scale: scalar(scale),
});

const chunked =
  (options: TargetOptions & { chunk?: number }) =>
  (tree: Inputs): Tensor =>
    chunkedContrastiveLoss({ ...tree, ...options });

const dense =
  (options: TargetOptions) =>
  (tree: Inputs): Tensor =>
    symmetricCrossEntropy(similarityLogits(tree), options);

/** Value and gradients, one after the other. */
async function numbers(loss: (tree: Inputs) => Tensor, inputs: Inputs): Promise<number[][]> {
  const { value, gradient } = valueAndGradient((tree: Inputs) => ({ loss: loss(tree) }), inputs);
  const all = [value, gradient.imageFeatures, gradient.textFeatures, gradient.scale];
  return Promise.all(all.map(async (x) => Array.from(await x.data())));
}

test.each(["cpu", "wasm"] as const)("equals open_clip's loss and gradients (%s)", async (engine) => {
  await useEngine(engine);
  const { image, text, scale } = goldenTensors("loss/cases.safetensors");
  const golden = goldenArrays("loss/cases.safetensors");
  const inputs = { imageFeatures: image!, textFeatures: text!, scale: scale! };
  const [value, ...gradients] = await numbers(chunked({ chunk: 4 }), inputs);
  expect(relativeError(value!, golden["clip"]!.values)).toBeLessThan(1e-6);
  ["clip.d_image", "clip.d_text", "clip.d_scale"].forEach((name, index) => {
    expect(relativeError(gradients[index]!, golden[name]!.values), name).toBeLessThan(1e-5);
  });
});

test("equals the dense loss for any chunk, groups and smoothing", async () => {
  const cases = fc.record({
    batch: fc.integer({ min: 1, max: 9 }),
    chunk: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
    kinds: fc.option(fc.array(fc.nat(3), { minLength: 9, maxLength: 9 }), { nil: undefined }),
    labelSmoothing: fc.constantFrom(0, 0.1, 0.5),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ batch, chunk, kinds, labelSmoothing }) => {
      const groups = kinds && { groups: tensor(kinds.slice(0, batch), [batch], "int32") };
      const targets = { ...groups, labelSmoothing };
      const inputs = inputsOf(batch);
      const expected = await numbers(dense(targets), inputs);
      const actual = await numbers(chunked({ ...targets, ...(chunk === undefined ? {} : { chunk }) }), inputs);
      actual.forEach((part, index) => {
        expect(relativeError(part, expected[index]!, 0.1)).toBeLessThan(1e-5);
      });
    }),
    { numRuns: 60 },
  );
});

test("every input has the gradient of central differences", async () => {
  const groups = tensor([0, 1, 0, 3, 4], [5], "int32");
  const objective = chunked({ chunk: 2, groups, labelSmoothing: 0.1 });
  expect(await gradientFaults(objective, inputsOf(5), { entries: 8, step: 5e-3 })).toEqual([]);
});

test("a scale of 10000 stays finite, forward and backward", async () => {
  const parts = await numbers(chunked({ chunk: 2 }), inputsOf(6, 6, 1e4));
  expect(parts.flat().every((entry) => Number.isFinite(entry))).toBe(true);
});

test("holds a few chunks of the matrix, never the whole", async () => {
  const [batch, chunk] = [2048, 64];
  const inputs = inputsOf(batch, 8);
  const before = memory().numBytes;
  const { peakBytes } = await profile(
    () => valueAndGradient((tree: Inputs) => ({ loss: chunked({ chunk })(tree) }), inputs) as never as Scalar,
  );
  expect(peakBytes - before).toBeLessThan(8 * 4 * batch * chunk);
});

test("leaves only the loss behind", async () => {
  const inputs = inputsOf(5);
  expect(await tensorsLeftBy(() => tidy(() => chunked({ chunk: 2 })(inputs)))).toBe(1);
});
