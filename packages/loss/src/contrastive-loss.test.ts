import { l2Normalize, valueAndGradient } from "@clip-ts/core";
import {
  goldenArrays,
  goldenTensors,
  gradientFaults,
  largestDifference,
  randomTensor,
  relativeError,
  tensorsLeftBy,
  useEngine,
} from "@clip-ts/test-utils";
import { eye, gather, mul, scalar, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { contrastiveLoss, similarityLogits, symmetricCrossEntropy } from "./contrastive-loss.ts";

afterAll(() => useEngine("cpu"));

type Features = { imageFeatures: Tensor; textFeatures: Tensor; scale: Tensor };

const numberOf = async (x: Tensor): Promise<number> => (await x.data())[0] as number;
const units = (batch: number, label: string): Tensor => l2Normalize(randomTensor([batch, 6], label));
const features = (batch: number, scale = 14.3): Features => ({
  imageFeatures: units(batch, "images"),
  textFeatures: units(batch, "texts"),
  scale: scalar(scale),
});

/** The loss in float64: minus the mean log-probability of the diagonal, by rows and by columns. */
function expectedLoss(logits: ArrayLike<number>, batch: number): number {
  let sum = 0;
  for (let pair = 0; pair < batch; pair++) {
    const row = Array.from({ length: batch }, (_, other) => logits[pair * batch + other]!);
    const column = Array.from({ length: batch }, (_, other) => logits[other * batch + pair]!);
    for (const scores of [row, column]) {
      const largest = Math.max(...scores);
      const total = scores.reduce((all, score) => all + Math.exp(score - largest), 0);
      sum += largest + Math.log(total) - (scores[pair] as number);
    }
  }
  return sum / (2 * batch);
}

test.each(["cpu", "wasm"] as const)("value and gradients equal open_clip's (%s)", async (engine) => {
  await useEngine(engine);
  const { image, text, scale } = goldenTensors("loss/cases.safetensors");
  const golden = goldenArrays("loss/cases.safetensors");
  const inputs = { imageFeatures: image!, textFeatures: text!, scale: scale! };
  const { value, gradient } = valueAndGradient((tree: Features) => ({ loss: contrastiveLoss(tree) }), inputs);
  expect(relativeError(await value.data(), golden["clip"]!.values)).toBeLessThan(1e-6);
  for (const [name, leaf] of [
    ["clip.d_image", gradient.imageFeatures],
    ["clip.d_text", gradient.textFeatures],
    ["clip.d_scale", gradient.scale],
  ] as const) {
    expect(relativeError(await leaf.data(), golden[name]!.values), name).toBeLessThan(1e-5);
  }
});

test("equals its formula in float64 for any logits", async () => {
  const square = fc.integer({ min: 1, max: 6 }).chain((batch) =>
    fc.record({
      batch: fc.constant(batch),
      logits: fc.array(fc.float({ min: -100, max: 100, noNaN: true }), {
        minLength: batch * batch,
        maxLength: batch * batch,
      }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(square, async ({ batch, logits }) => {
      const actual = await numberOf(symmetricCrossEntropy(tensor(logits, [batch, batch])));
      expect(Math.abs(actual - expectedLoss(logits, batch))).toBeLessThan(1e-4);
    }),
    { numRuns: 60 },
  );
});

test("every input has the gradient of central differences", async () => {
  const objective = (tree: Features): Tensor => contrastiveLoss(tree);
  expect(await gradientFaults(objective, features(5), { entries: 8, step: 5e-3 })).toEqual([]);
  const logits = { logits: randomTensor([4, 4], "logits", 3) };
  const byLogits = (tree: { logits: Tensor }): Tensor => symmetricCrossEntropy(tree.logits);
  expect(await gradientFaults(byLogits, logits, { entries: 16, tolerance: 1e-3 })).toEqual([]);
});

test("images and texts may change places", async () => {
  const { imageFeatures, textFeatures, scale } = features(5);
  const one = await numberOf(contrastiveLoss({ imageFeatures, textFeatures, scale }));
  const other = await numberOf(contrastiveLoss({ imageFeatures: textFeatures, textFeatures: imageFeatures, scale }));
  expect(Math.abs(one - other)).toBeLessThan(1e-6);
});

test("the order of the pairs does not matter, the pairing does", async () => {
  const { imageFeatures, textFeatures, scale } = features(4);
  const order = tensor([2, 0, 3, 1], [4], "int32");
  const loss = async (images: Tensor, texts: Tensor): Promise<number> =>
    numberOf(contrastiveLoss({ imageFeatures: images, textFeatures: texts, scale }));
  const expected = await loss(imageFeatures, textFeatures);
  const together = await loss(gather(imageFeatures, order), gather(textFeatures, order));
  expect(Math.abs(together - expected)).toBeLessThan(1e-5);
  expect(Math.abs((await loss(imageFeatures, gather(textFeatures, order))) - expected)).toBeGreaterThan(0.1);
});

test("is least where each text stands beside its equal", async () => {
  const permutation = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.string(), permutation, async (label, order) => {
      const imageFeatures = units(5, label);
      const scale = scalar(5);
      const lossOf = async (textFeatures: Tensor): Promise<number> =>
        numberOf(contrastiveLoss({ imageFeatures, textFeatures, scale }));
      const aligned = await lossOf(imageFeatures);
      const permuted = await lossOf(gather(imageFeatures, tensor(order, [5], "int32")));
      if (order.every((row, place) => row === place)) expect(permuted).toBe(aligned);
      else expect(permuted).toBeGreaterThan(aligned);
    }),
    { numRuns: 40 },
  );
});

test("a perfect model pays nothing", async () => {
  const perfect = { imageFeatures: eye(4), textFeatures: eye(4), scale: scalar(50) };
  expect(await numberOf(contrastiveLoss(perfect))).toBeLessThan(1e-6);
});

test("a model that knows nothing pays ln(batch)", async () => {
  const same = tensor(Array.from({ length: 10 }, () => [1, 0]).flat(), [10, 2]);
  const loss = contrastiveLoss({ imageFeatures: same, textFeatures: same, scale: scalar(14) });
  expect(await numberOf(loss)).toBeCloseTo(Math.log(10), 5);
});

test.each([100, 1e4])("a scale of %i stays finite, forward and backward", async (scale) => {
  const { value, gradient } = valueAndGradient(
    (tree: Features) => ({ loss: contrastiveLoss(tree) }),
    features(6, scale),
  );
  const all = [value, ...Object.values(gradient)] as Tensor[];
  for (const x of all) {
    expect(Array.from(await x.data()).every((entry) => Number.isFinite(entry))).toBe(true);
  }
});

test("a batch of one pair has nothing to choose: loss and gradients are 0", async () => {
  const { value, gradient } = valueAndGradient((tree: Features) => ({ loss: contrastiveLoss(tree) }), features(1));
  expect(await numberOf(value)).toBeCloseTo(0, 6);
  expect(await numberOf(gradient.scale)).toBeCloseTo(0, 6);
});

test("logits are scaled cosines, image by row and text by column", async () => {
  const { imageFeatures, textFeatures, scale } = features(3);
  const logits = await similarityLogits({ imageFeatures, textFeatures, scale }).data();
  const [image, text] = [await imageFeatures.data(), await textFeatures.data()];
  const cosine = Array.from({ length: 6 }, (_, k) => image[6 + k]! * text[12 + k]!).reduce(
    (sum, product) => sum + product,
    0,
  );
  expect(logits[1 * 3 + 2]).toBeCloseTo(14.3 * cosine, 4);
  const doubled = similarityLogits({ imageFeatures, textFeatures, scale: mul(scale, 2) });
  expect(
    largestDifference(
      await doubled.data(),
      logits.map((x) => 2 * x),
    ),
  ).toBeLessThan(1e-5);
});

test("more texts than images are no batch of pairs", () => {
  const wrong = { ...features(3), textFeatures: units(4, "texts") };
  expect(() => contrastiveLoss(wrong)).toThrow("logits of matching pairs: expected [3, 3], got [3, 4].");
});

test("leaves only the loss behind", async () => {
  const inputs = features(4);
  expect(await tensorsLeftBy(() => tidy(() => contrastiveLoss(inputs)))).toBe(1);
});
