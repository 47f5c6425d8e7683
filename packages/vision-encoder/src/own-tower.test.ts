import {
  flattenTree,
  initParams,
  linear,
  linearSpec,
  normal,
  withTraits,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { gradientFaults, randomTensor, tensorsLeftBy, weightedSum, refusalOf } from "@clip-ts/test-utils";
import { dispose, relu, reshape, tidy, zeros, type Tensor } from "@tensorflow/tfjs-core";
import { expect, expectTypeOf, test } from "vitest";
import type { ImageConfig, VisionConfig } from "./config.ts";
import {
  builtInVision,
  encodeImage,
  isVit,
  matchVision,
  visionFeatureWidth,
  visionKind,
  visionSpec,
  visionTower,
} from "./towers.ts";
import { defineVisionTower } from "./own-tower.ts";

interface FlatConfig extends ImageConfig {
  readonly hidden: number;
  readonly outputs: number;
}

/** Pixels through linear layers: a tree of an interface's form. */
interface FlatParams<Leaf = Tensor> {
  readonly layers: readonly LinearParams<Leaf>[];
}

const flat = defineVisionTower({
  name: "flat",
  spec({ imageSize, channels, hidden, outputs }: FlatConfig): FlatParams<ParamSpec> {
    const sizes = [channels * imageSize ** 2, hidden, outputs] as const;
    const layer = (index: 0 | 1): LinearParams<ParamSpec> =>
      linearSpec(sizes[index], sizes[index === 0 ? 1 : 2], { weight: normal(0.5) });
    return { layers: [layer(0), withTraits(layer(1), { depth: 1 })] };
  },
  encode({ layers: [first, second] }, pixels, { imageSize, channels }) {
    expectTypeOf(first).toEqualTypeOf<LinearParams | undefined>();
    const rows = reshape(pixels, [-1, channels * imageSize ** 2]);
    return { pooled: linear(second!, relu(linear(first!, rows))) };
  },
  width: ({ outputs }) => outputs,
});

const config: VisionConfig = flat.config({ imageSize: 4, hidden: 6, outputs: 5 });
test("a config says what the tower asks for, and that it is no built-in one", () => {
  expect(config).toMatchObject({
    kind: "own",
    imageSize: 4,
    channels: 3,
    settings: { hidden: 6, outputs: 5 },
  });
  expect(visionKind(config)).toBe("own");
  expect(visionTower(config)).toBe(flat);
  expect(isVit(config)).toBe(false);
  expectTypeOf(flat.config).parameter(0).toHaveProperty("hidden");
  // @ts-expect-error what the tower asks for is missing
  flat.config({ imageSize: 4, hidden: 6 });
});

test("it is dispatched as built-in ones are", async () => {
  const params = initParams(visionSpec(config), 3);
  expect(Object.keys(flattenTree(params))).toEqual([
    "layers.0.weight",
    "layers.0.bias",
    "layers.1.weight",
    "layers.1.bias",
  ]);
  expect(visionFeatureWidth(config)).toBe(5);
  const pixels = zeros([2, 3, 4, 4]);
  const left = await tensorsLeftBy(() => {
    const { pooled, lastHidden, statistics } = encodeImage(params, pixels, config);
    expect([pooled.shape, lastHidden.shape, statistics]).toEqual([[2, 5], [2, 1, 5], {}]);
    dispose([pooled, lastHidden]);
  });
  expect(left).toBe(0);
  dispose([pixels, flattenTree<Tensor>(params)]);
});

test("every parameter has the gradient of central differences", async () => {
  const params = initParams(visionSpec(config), 3);
  const pixels = randomTensor([2, 3, 4, 4], 5);
  const faults = await gradientFaults(
    (tree) => tidy(() => weightedSum(encodeImage(tree, pixels, config).pooled)),
    params,
  );
  expect(faults).toEqual([]);
});

test("what it leaves out has usual values", () => {
  const tower = visionTower(config);
  expect(tower.depth(config)).toBe(1);
  expect(tower.describe(config)).toBe("flat, hidden 6, outputs 5");
  expect(tower.positions(config)).toBeUndefined();
  expect(tower.endsInJointSpace).toBe(false);
});

test("a feature of another length than it says is refused", () => {
  const wrong = defineVisionTower({
    name: "wrong",
    spec: ({ channels }: ImageConfig) => ({
      layer: linearSpec(channels, 3, { weight: normal(1) }),
    }),
    encode: (_params, pixels) => ({ pooled: reshape(pixels, [-1, 3]) }),
    width: () => 4,
  }).config({ imageSize: 1 });
  const params = initParams(visionSpec(wrong), 1);
  expect(refusalOf(() => encodeImage(params, zeros([2, 3, 1, 1]), wrong))).toMatchObject({
    code: "bad-shape",
    message: 'pooled feature of "wrong": expected [batch, 4], got [2, 3].',
  });
});

test("settings that no file holds are refused", () => {
  const loose = flat as { config(settings: object): unknown };
  expect(refusalOf(() => loose.config({ imageSize: 4, hidden: () => 6 })).message).toContain(
    'The tower "flat": settings.hidden should be plain data',
  );
  expect(refusalOf(() => loose.config({ hidden: 6 })).message).toBe(
    'The tower "flat" needs imageSize, a whole number from 1, got undefined.',
  );
});

test("what is for built-in towers only names it and says what to do", () => {
  const expected = {
    code: "unsupported",
    message:
      'torchvision is for built-in towers only, and this model has a vision tower of its own, "flat": keep it ' +
      "in clip-ts's own format (writeModel), or write its graphs for others (exportOnnxFolder).",
  };
  expect(refusalOf(() => builtInVision(config, "torchvision"))).toMatchObject(expected);
  const cases = { vit: () => 1, resnet: () => 2, swin: () => 3, efficientnet: () => 4, naflex: () => 5 };
  expect(refusalOf(() => matchVision(config, cases)).code).toBe("unsupported");
  const named = JSON.parse('{ "kind": "own", "tower": "flat" }') as VisionConfig;
  expect(refusalOf(() => visionTower(named)).message).toContain('This config has "flat" in the place');
});
