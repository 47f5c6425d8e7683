import { isClipError } from "@clip-ts/base";
import { expect, test } from "vitest";
import type { VisionConfig } from "./config.ts";
import { isVit, matchVision, visionKind, visionTower, visionTowers } from "./towers.ts";

const image = { imageSize: 64, channels: 3, heads: 2 };
const vit: VisionConfig = {
  ...image,
  patchSize: 16,
  width: 8,
  layers: 3,
  mlpWidth: 16,
  activation: "gelu",
  layerNormEps: 1e-5,
};
const resnet: VisionConfig = {
  ...image,
  kind: "resnet",
  layers: [1, 2, 1, 1],
  width: 4,
  outputDim: 5,
};

const swin: VisionConfig = {
  ...image,
  kind: "swin",
  patchSize: 4,
  width: 4,
  layers: [2, 1],
  stageHeads: [1, 2],
  window: 4,
  mlpRatio: 2,
  activation: "gelu",
  layerNormEps: 1e-5,
};
const efficientnet: VisionConfig = {
  ...image,
  kind: "efficientnet",
  stages: [
    { kernel: 3, inputs: 32, outputs: 16, stride: 1, repeats: 1, expand: 1 },
    { kernel: 5, inputs: 16, outputs: 24, stride: 2, repeats: 2, expand: 6 },
  ],
  widthCoefficient: 0.5,
  depthCoefficient: 1.2,
  divisor: 4,
  squeezeRatio: 0.25,
  squarePadding: [],
  activation: "silu",
  normEps: 1e-3,
  normMomentum: 0.99,
};
const naflex: VisionConfig = { ...vit, ...image, kind: "naflex", patchSize: 16 };
const all = [vit, resnet, swin, efficientnet, naflex];

test("a config without a kind is a vision transformer's", () => {
  expect(all.map(visionKind)).toEqual(["vit", "resnet", "swin", "efficientnet", "naflex"]);
  expect(all.map(isVit)).toEqual([true, false, false, false, false]);
  expect(visionTower(vit)).toBe(visionTowers.vit);
});

test("the answer is that of the config's kind", () => {
  const answers = all.map((config) =>
    matchVision(config, {
      vit: ({ patchSize }) => `patches of ${patchSize}`,
      resnet: ({ outputDim }) => `feature of ${outputDim}`,
      swin: ({ window }) => `windows of ${window}`,
      efficientnet: ({ stages }) => `${stages.length} stages`,
      naflex: ({ patchSize }) => `rows of patches of ${patchSize}`,
    }),
  );
  expect(answers).toEqual(["patches of 16", "feature of 5", "windows of 4", "2 stages", "rows of patches of 16"]);
});

test("records say sizes", () => {
  const sizes = all.map((config) => {
    const tower = visionTower(config);
    return [tower.width(config), tower.depth(config), tower.grid(config)];
  });
  expect(sizes).toEqual([
    [8, 3, 4],
    [5, 4, 2],
    [8, 3, 0],
    [12, 5, 0],
    [8, 3, 4],
  ]);
});

test.each(["convnext", "toString"])("no tower is of kind %s", (kind) => {
  const config = { ...vit, kind: kind as "vit" };
  expect(() => visionTower(config)).toThrow(
    `There is no vision tower of kind "${kind}": use "vit" or "resnet" or "swin" or "efficientnet" or "naflex".`,
  );
  try {
    visionTower(config);
  } catch (error) {
    expect(isClipError(error) && error.code).toBe("bad-config");
  }
});
