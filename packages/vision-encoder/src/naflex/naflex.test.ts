import { flattenTree, initParams, type ParamSpec } from "@clip-ts/core";
import { gradientFaults } from "@clip-ts/test-utils";
import { mean, square, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { NaflexConfig } from "../config.ts";
import { shapeOfImages } from "../pixel-form.ts";
import { encodeImage, pixelForm, visionSpec } from "../towers.ts";
import { positionsOf } from "./places.ts";

const config: NaflexConfig = {
  kind: "naflex",
  imageSize: 6,
  patchSize: 2,
  channels: 1,
  width: 4,
  layers: 1,
  heads: 2,
  mlpWidth: 6,
  activation: "gelu",
  layerNormEps: 1e-6,
};

/** Two pictures, of 2 by 1 and of 1 by 2 patches and one row of padding each. */
const pixels = (): Tensor =>
  tensor(
    [
      [
        [0.1, -0.4, 0.3, 0.8, 0, 0, 2, 1],
        [0.6, 0.2, -0.7, 0.1, 1, 0, 2, 1],
        [0, 0, 0, 0, 0, 0, 0, 0],
      ],
      [
        [-0.5, 0.9, 0.2, -0.1, 0, 0, 1, 2],
        [0.3, 0.3, 0.5, -0.6, 0, 1, 1, 2],
        [9, 9, 9, 9, 0, 0, 0, 0],
      ],
    ],
    [2, 3, 8],
  );

test("every parameter has the gradient of central differences, the table of positions too", async () => {
  const params = initParams(visionSpec(config), 3);
  const objective = (tree: typeof params): Tensor => mean(square(encodeImage(tree as never, pixels(), config).pooled));
  expect(await gradientFaults(objective, params as never, { step: 1e-2 })).toEqual([]);
});

test("padding says nothing, whatever stands in it", async () => {
  const params = initParams(visionSpec(config), 3);
  const of = async (x: Tensor): Promise<Float32Array> =>
    (await encodeImage(params as never, x, config).pooled.data()) as Float32Array;
  const other = (await pixels().data()).slice();
  other.fill(-5, 16, 20); // the pixels of the first picture's padding
  expect(await of(tensor(other, [2, 3, 8]))).toEqual(await of(pixels()));
});

test("a picture of the table's own grid has its positions, a single patch their weighted mean", async () => {
  const table = tensor(
    [0, 1, 2, 3].map((value) => [value, 2 * value]),
    [4, 2],
  );
  const places = [0, 1, 2, 3].map((at) => [Math.floor(at / 2), at % 2, 2, 2]);
  const own = await positionsOf(table, tensor([places], [1, 4, 4]), 2).array();
  expect(own).toEqual([[0, 1, 2, 3].map((value) => [value, 2 * value])]);
  const one = await positionsOf(table, tensor([[[0, 0, 1, 1]]], [1, 1, 4]), 2).array();
  expect(one).toEqual([[[1.5, 3]]]);
});

test("parameters start as in transformers", () => {
  const spec = flattenTree<ParamSpec>(visionSpec({ ...config, width: 8, mlpWidth: 16 }));
  const xavier = (sum: number) => ({ kind: "uniform", bound: Math.sqrt(6 / sum) });
  expect(spec["encoder.layers.0.self_attn.q_proj.weight"]!.init).toEqual(xavier(16));
  expect(spec["encoder.layers.0.mlp.fc1.weight"]!.init).toEqual(xavier(24));
  expect(spec["encoder.layers.0.mlp.fc2.bias"]!.init).toEqual({ kind: "normal", std: 1e-6 });
  expect(spec["encoder.layers.0.self_attn.out_proj.bias"]!.init).toEqual({ kind: "constant", value: 0 });
  expect(spec["head.probe"]!.init).toEqual(xavier(16));
  expect(spec["head.attention.in_proj_weight"]!.init).toEqual(xavier(32));
  expect(spec["embeddings.position_embedding.weight"]!.init).toEqual({ kind: "normal", std: 8 ** -0.5 });
  expect(spec["embeddings.patch_embedding.weight"]!.init).toEqual({ kind: "normal", std: 0.5 });
});

test("images of a form have its sides, and numbers that are none are refused", () => {
  const form = pixelForm(config);
  expect(form.shape).toEqual(["patches", 8]);
  expect(shapeOfImages(form, 48, 2)).toEqual([2, 3, 8]);
  expect(() => shapeOfImages(form, 47, 2)).toThrow(
    /images of \[patches, 8\], but preprocessing gave 47 values for 2 images/u,
  );
  expect(shapeOfImages({ shape: [3, 2, 2] }, 24, 2)).toEqual([2, 3, 2, 2]);
  expect(() => shapeOfImages({ shape: [3, 2, 2] }, 36, 2)).toThrow(/36 values/u);
});

test("patches that do not fill the picture of the table are refused", () => {
  expect(() => visionSpec({ ...config, patchSize: 4 })).toThrow(/should be filled by patches of 4/u);
});
