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

test("a config without a kind is a vision transformer's", () => {
  expect([vit, resnet].map(visionKind)).toEqual(["vit", "resnet"]);
  expect([vit, resnet].map(isVit)).toEqual([true, false]);
  expect(visionTower(vit)).toBe(visionTowers.vit);
});

test("the answer is that of the config's kind", () => {
  const answers = [vit, resnet].map((config) =>
    matchVision(config, {
      vit: ({ patchSize }) => `patches of ${patchSize}`,
      resnet: ({ outputDim }) => `feature of ${outputDim}`,
    }),
  );
  expect(answers).toEqual(["patches of 16", "feature of 5"]);
});

test("records say sizes", () => {
  const sizes = [vit, resnet].map((config) => {
    const tower = visionTower(config);
    return [tower.width(config), tower.depth(config), tower.grid(config)];
  });
  expect(sizes).toEqual([
    [8, 3, 4],
    [5, 4, 2],
  ]);
});

test.each(["convnext", "toString"])("no tower is of kind %s", (kind) => {
  const config = { ...vit, kind: kind as "vit" };
  expect(() => visionTower(config)).toThrow(`There is no vision tower of kind "${kind}": use "vit" or "resnet".`);
  try {
    visionTower(config);
  } catch (error) {
    expect(isClipError(error) && error.code).toBe("bad-config");
  }
});
