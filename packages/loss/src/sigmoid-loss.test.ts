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
import { profile, scalar, tidy, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { sigmoidLoss } from "./sigmoid-loss.ts";

afterAll(() => useEngine("cpu"));

type Inputs = { imageFeatures: Tensor; textFeatures: Tensor; scale: Tensor; bias: Tensor };

const inputsOf = (batch: number, joint = 6): Inputs => ({
  imageFeatures: l2Normalize(randomTensor([batch, joint], "images")),
  textFeatures: l2Normalize(randomTensor([batch, joint], "texts")),
  scale: scalar(9.1),
  bias: scalar(-4.2),
});

const lossAndGradient = (inputs: Inputs, chunk?: number) =>
  valueAndGradient((tree: Inputs) => ({ loss: sigmoidLoss(chunk === undefined ? tree : { ...tree, chunk }) }), inputs);

test.each(["cpu", "wasm"] as const)("value and gradients equal open_clip's (%s)", async (engine) => {
  await useEngine(engine);
  const { image, text, scale, bias } = goldenTensors("loss/cases.safetensors");
  const golden = goldenArrays("loss/cases.safetensors");
  const inputs = { imageFeatures: image!, textFeatures: text!, scale: scale!, bias: bias! };
  for (const chunk of [undefined, 1, 4, 9]) {
    const { value, gradient } = lossAndGradient(inputs, chunk);
    expect(relativeError(await value.data(), golden["siglip"]!.values)).toBeLessThan(1e-6);
    for (const [name, leaf] of [
      ["siglip.d_image", gradient.imageFeatures],
      ["siglip.d_text", gradient.textFeatures],
      ["siglip.d_scale", gradient.scale],
      ["siglip.d_bias", gradient.bias],
    ] as const) {
      expect(relativeError(await leaf.data(), golden[name]!.values), name).toBeLessThan(1e-5);
    }
  }
});

test("equals its formula in float64", async () => {
  const inputs = inputsOf(7);
  const [image, text] = [await inputs.imageFeatures.data(), await inputs.textFeatures.data()];
  let expected = 0;
  for (let i = 0; i < 7; i++) {
    for (let j = 0; j < 7; j++) {
      let cosine = 0;
      for (let k = 0; k < 6; k++) cosine += image[6 * i + k]! * text[6 * j + k]!;
      const side = i === j ? 1 : -1;
      expected += Math.log1p(Math.exp(-side * (9.1 * cosine - 4.2))) / 7;
    }
  }
  expect(relativeError(await sigmoidLoss(inputs).data(), [expected])).toBeLessThan(1e-6);
});

test("every input has the gradient of central differences", async () => {
  const objective = (tree: Inputs): Tensor => sigmoidLoss({ ...tree, chunk: 2 });
  expect(await gradientFaults(objective, inputsOf(5), { entries: 8, step: 5e-3 })).toEqual([]);
});

test("huge logits stay finite, forward and backward", async () => {
  const { value, gradient } = lossAndGradient({ ...inputsOf(6), scale: scalar(1e4) }, 4);
  for (const x of [value, ...Object.values(gradient)] as Tensor[]) {
    expect(Array.from(await x.data()).every((entry) => Number.isFinite(entry))).toBe(true);
  }
});

test("a loss of 16384 pairs stays below 1 GB, forward and backward", async () => {
  await useEngine("wasm");
  const inputs = inputsOf(16_384, 8);
  const { peakBytes } = await profile(() => {
    const { value, gradient } = lossAndGradient(inputs);
    return { value, gradient } as never as Scalar;
  });
  expect(peakBytes).toBeLessThan(1e9);
  expect(peakBytes).toBeGreaterThan(64 * 2 ** 20); // the measurement sees the chunks
}, 120_000);

test("leaves only the loss behind", async () => {
  const inputs = inputsOf(5);
  expect(await tensorsLeftBy(() => tidy(() => sigmoidLoss({ ...inputs, chunk: 2 })))).toBe(1);
  expect(await tensorsLeftBy(() => lossAndGradient(inputs, 2))).toBe(5); // value and four gradients
});

test("texts of another batch and a chunk of no rows are refused", () => {
  const inputs = inputsOf(4);
  expect(() => sigmoidLoss({ ...inputs, textFeatures: inputsOf(3).textFeatures })).toThrow(
    "text features of the same pairs: expected [4, 6], got [3, 6].",
  );
  expect(() => sigmoidLoss({ ...inputs, chunk: 0 })).toThrow("chunk: expected a whole number");
});
