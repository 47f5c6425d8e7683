import { l2Normalize, valueAndGradient } from "@clip-ts/core";
import { randomTensor, relativeError, tensorsLeftBy } from "@clip-ts/test-utils";
import { dispose, scalar, tensor1d, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import {
  chunkedContrastiveLoss,
  chunkedDistillationLoss,
  contrastiveLoss,
  distillationLoss,
  multiPositiveLoss,
  sigmoidLoss,
  type OneNumber,
} from "./index.ts";

type Features = { imageFeatures: Tensor; textFeatures: Tensor };
type Loss = (features: Features, scale: OneNumber, bias: OneNumber) => Scalar;

const rows = (label: string): Tensor => l2Normalize(randomTensor([5, 6], label));
const teacher = { imageFeatures: rows("teacher images"), textFeatures: rows("teacher texts") };
const groups = tensor1d([0, 1, 0, 2, 3], "int32");

const losses: readonly (readonly [string, Loss])[] = [
  ["contrastiveLoss", (given, scale) => contrastiveLoss({ ...given, scale })],
  ["multiPositiveLoss", (given, scale) => multiPositiveLoss({ ...given, scale, groups })],
  ["chunkedContrastiveLoss", (given, scale) => chunkedContrastiveLoss({ ...given, scale, chunk: 2 })],
  ["sigmoidLoss", (given, scale, bias) => sigmoidLoss({ ...given, scale, bias, chunk: 2 })],
  [
    "distillationLoss",
    (given, scale, bias) => distillationLoss({ student: { ...given, scale }, teacher: { ...teacher, scale: bias } }),
  ],
  [
    "chunkedDistillationLoss",
    (given, scale, bias) =>
      chunkedDistillationLoss({
        student: { ...given, scale },
        teacher: { ...teacher, scale: bias },
        chunk: 2,
      }),
  ],
];

test.each(losses)("%s takes plain numbers as it takes tensors", async (_name, loss) => {
  const features: Features = { imageFeatures: rows("images"), textFeatures: rows("texts") };
  const [scale, bias] = [scalar(9.1), scalar(-4.2)];
  const run = (factor: OneNumber, offset: OneNumber) =>
    valueAndGradient((given: Features) => ({ loss: loss(given, factor, offset) }), features);
  const [wanted, mixed, plain] = [run(scale, bias), run(9.1, bias), run(9.1, -4.2)];
  for (const { value, gradient } of [mixed, plain]) {
    expect(relativeError(await value.data(), await wanted.value.data())).toBeLessThan(1e-6);
    for (const key of ["imageFeatures", "textFeatures"] as const) {
      const right = await wanted.gradient[key].data();
      expect(relativeError(await gradient[key].data(), right), key).toBeLessThan(1e-6);
    }
  }
  const left = await tensorsLeftBy(async () => {
    const alone = loss(features, 9.1, -4.2);
    expect(relativeError(await alone.data(), await wanted.value.data())).toBeLessThan(1e-6);
    dispose(alone);
  });
  expect(left).toBeLessThanOrEqual(await tensorsLeftBy(async () => dispose(loss(features, scale, bias))));
});
