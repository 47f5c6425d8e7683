import { isClipError } from "@clip-ts/base";
import { multiPositiveLoss, sigmoidLoss } from "@clip-ts/loss";
import { gradientFaults, largestDifference, randomTensor } from "@clip-ts/test-utils";
import { exp, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { ClipConfig } from "../config.ts";
import { forward } from "../forward.ts";
import type { PairBatch } from "../pairs.ts";
import { preset } from "../presets.ts";
import { initClip, type ClipParams } from "../spec.ts";

const nano = preset("nano");
const batch: PairBatch = {
  pixelValues: randomTensor([3, 3, 8, 8], "pixels"),
  inputIds: tensor([598, 10, 11, 599, 598, 20, 599, 0, 598, 10, 11, 599], [3, 4], "int32"),
};
const groups = tensor([0, 1, 0], [3], "int32");

async function expectLoss(config: ClipConfig, expected: (params: ClipParams) => Tensor) {
  const params = initClip(config, 1);
  const { loss } = forward(params, { ...batch, groups }, config);
  expect(largestDifference(await loss.data(), await expected(params).data())).toBeLessThan(1e-6);
}

test("the sigmoid loss is of the scaled cosines plus the bias", async () => {
  const config = { ...nano, loss: { kind: "sigmoid" }, initialLogitBias: -2 } as const;
  await expectLoss(config, (params) => {
    const { imageFeatures, textFeatures } = forward(params, batch, config);
    const scale = exp(params.logit_scale);
    return sigmoidLoss({ imageFeatures, textFeatures, scale, bias: params.logit_bias! });
  });
  const { logitsPerImage } = forward(initClip(config, 1), batch, config);
  const plain = forward(initClip(nano, 1), batch, nano).logitsPerImage;
  const shifted = (await plain.data()).map((logit) => logit - 2);
  expect(largestDifference(await logitsPerImage.data(), shifted)).toBeLessThan(1e-5);
});

test("smoothing and duplicates are the config's", async () => {
  const loss = { kind: "contrastive", labelSmoothing: 0.2, multiPositive: true } as const;
  await expectLoss({ ...nano, loss }, (params) => {
    const { imageFeatures, textFeatures } = forward(params, batch, nano);
    const scale = exp(params.logit_scale);
    const options = { labelSmoothing: 0.2 };
    return multiPositiveLoss({ imageFeatures, textFeatures, scale, groups }, options);
  });
});

test("scale and bias of the sigmoid loss have the gradients of central differences", async () => {
  const config = { ...nano, loss: { kind: "sigmoid" }, initialLogitBias: -2 } as const;
  const { logit_scale, logit_bias, ...rest } = initClip(config, 1);
  const objective = (tree: { logit_scale: Tensor; logit_bias: Tensor }): Tensor =>
    forward({ ...rest, ...tree }, batch, config).loss;
  const learnt = { logit_scale, logit_bias: logit_bias! };
  expect(await gradientFaults(objective, learnt, { step: 1e-2 })).toEqual([]);
});

test.each<readonly [ClipConfig["loss"], string, string]>([
  [{ kind: "sigmoid" }, "bad-config", "needs the parameter logit_bias"],
  [{ kind: "contrastive", multiPositive: true }, "bad-argument", "give the batch `groups`"],
])("what %o lacks is said", (loss, code, message) => {
  let caught: unknown;
  try {
    forward(initClip(nano, 1), batch, { ...nano, loss: loss! });
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error("expected a ClipError");
  expect(caught.code).toBe(code);
  expect(caught.message).toContain(message);
});
