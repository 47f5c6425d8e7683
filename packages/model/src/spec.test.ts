import { isClipError } from "@clip-ts/base";
import { flattenTree, type ParamSpec } from "@clip-ts/core";
import { expect, test } from "vitest";
import type { ClipConfig } from "./config.ts";
import { preset } from "./presets.ts";
import { clipSpec } from "./spec.ts";

const nano = preset("nano");
const shapesOf = (config: ClipConfig): Record<string, readonly number[]> =>
  Object.fromEntries(
    Object.entries(flattenTree<ParamSpec>(clipSpec(config)))
      .filter(([path]) => /projection|logit/u.test(path))
      .map(([path, { shape }]) => [path, shape]),
  );

test("heads are matrices unless the config says otherwise", () => {
  expect(shapesOf(nano)).toEqual({
    "visual_projection.weight": [8, 16],
    "text_projection.weight": [8, 12],
    logit_scale: [],
  });
  expect(shapesOf({ ...nano, imageHead: "mlp", textHead: "affine" })).toEqual({
    "visual_projection.fc1.weight": [12, 16],
    "visual_projection.fc2.weight": [8, 12],
    "text_projection.weight": [8, 12],
    "text_projection.bias": [8],
    logit_scale: [],
  });
});

test("towers that end in the joint space by themselves have no head", () => {
  expect(shapesOf({ ...nano, imageHead: "none", projectionDim: 16 })).not.toHaveProperty(["visual_projection.weight"]);
  expect(shapesOf(preset("RN50"))).toEqual({
    "text_projection.weight": [1024, 512],
    logit_scale: [],
  });
  expect(shapesOf(preset("ViT-B-16-SigLIP"))).toEqual({ logit_scale: [1], logit_bias: [1] });
});

test("only the sigmoid loss has a bias, and it starts low", () => {
  const { logit_bias: bias } = clipSpec({ ...nano, loss: { kind: "sigmoid" } });
  expect(bias).toMatchObject({ shape: [], init: { kind: "constant", value: -10 } });
  expect(clipSpec(nano)).not.toHaveProperty("logit_bias");
});

test("without a head, the tower's feature must be as long as the joint space", () => {
  let caught: unknown;
  try {
    clipSpec({ ...nano, textHead: "none" });
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error("expected a ClipError");
  expect(caught.code).toBe("bad-config");
  expect(caught.message).toContain("The text tower has no head, so its feature of 12");
});
