import { l2Normalize } from "@clip-ts/core";
import { largestDifference, randomTensor, refusalOf } from "@clip-ts/test-utils";
import { scalar, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { preset } from "../presets.ts";
import type { SharedInputs } from "../pairs.ts";
import { chunked, contrastive, distilled, multiPositive, sigmoid } from "./objectives.ts";
import type { ClipObjective } from "./pair-objective.ts";

const nano = preset("nano");
const unit = (name: string): Tensor => l2Normalize(randomTensor([6, 5], name));
const rows = { image: unit("images"), text: unit("texts") };
const params = { logit_scale: scalar(1.2), logit_bias: scalar(-3) };
const shared: SharedInputs = {
  groups: tensor([0, 1, 0, 2, 3, 1], [6], "int32"),
  teacherImages: unit("teacher images"),
  teacherTexts: unit("teacher texts"),
  teacherScale: scalar(7),
};
const place = { own: rows, all: rows, rank: 0, size: 1 };

test.each<readonly [string, ClipObjective]>([
  ["contrastive", contrastive(nano, { labelSmoothing: 0.1 })],
  ["sigmoid", sigmoid(nano)],
  ["multi-positive", multiPositive(nano)],
  ["distillation", distilled(multiPositive(nano), { weight: 0.3 })],
  ["distillation in chunks", chunked(distilled(sigmoid(nano)), 6)],
])("the local form of one rank is the whole comparison: %s", async (_, objective) => {
  const whole = objective.compare(params, rows, shared);
  const sums = objective.local!.sums(params, place, shared);
  const { loss, metrics } = objective.local!.compare(params, place, shared, sums);
  expect(largestDifference(await loss.data(), await whole.loss.data())).toBeLessThan(1e-6);
  expect(Object.keys(metrics)).toEqual(Object.keys(whole.metrics));
  for (const [name, value] of Object.entries(metrics)) {
    expect(await value.data(), name).toEqual(await whole.metrics[name]!.data());
  }
});

test("what a loss lacks is refused in local form too", () => {
  const refusal = (objective: ClipObjective, given: { logit_scale: Tensor }): string =>
    refusalOf(() => objective.local!.sums(given, place, {})).message;
  expect(refusal(sigmoid(nano), { logit_scale: params.logit_scale })).toMatch(/needs the parameter logit_bias/u);
  expect(refusal(multiPositive(nano), params)).toMatch(/give the batch `groups`/u);
  expect(refusal(distilled(contrastive(nano)), params)).toMatch(/give the batch `teacherImages`/u);
});
