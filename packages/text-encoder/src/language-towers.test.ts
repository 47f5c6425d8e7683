// The towers that were made for language, beside RoBERTa's own tests: laws and gradients.
import { initParams, normal, type ParamSpec, mapTree } from "@clip-ts/core";
import { gradientFaults, largestDifference, tensorsLeftBy, useEngine, weightedSum } from "@clip-ts/test-utils";
import { dispose, slice, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import type {
  AltClipTextConfig,
  BertTextConfig,
  BuiltInTextConfig,
  M2m100TextConfig,
  Mt5TextConfig,
  TextParams,
} from "./config.ts";
import { bucketStarts, relativeBuckets } from "./relative-bias.ts";
import { encodeText, textFeatureWidth, textSpec, textTower } from "./towers.ts";

const tiny = { width: 8, layers: 2, heads: 2, mlpWidth: 12, layerNormEps: 1e-5, vocabSize: 12, contextLength: 6 };
const ids = { endTokenId: 2, padTokenId: 1 };
const bert: BertTextConfig = {
  kind: "bert",
  ...tiny,
  ...ids,
  activation: "gelu",
  tokenTypes: 2,
  pooling: "first",
};
const altclip: AltClipTextConfig = {
  kind: "altclip",
  ...tiny,
  ...ids,
  activation: "gelu",
  startTokenId: 0,
  tokenTypes: 1,
  headWidth: 5,
};
const m2m100: M2m100TextConfig = { kind: "m2m100", ...tiny, ...ids, activation: "gelu", pooling: "first" };
const mt5: Mt5TextConfig = {
  kind: "mt5",
  ...tiny,
  ...ids,
  activation: "gelu_pytorch_tanh",
  headDim: 3,
  buckets: 8,
  maxDistance: 6,
  pooling: "mean",
};
const towers: readonly BuiltInTextConfig[] = [bert, altclip, m2m100, mt5];

const captions = [
  [0, 4, 5, 2, 1, 1],
  [0, 3, 2, 1, 1, 1],
  [0, 9, 9, 3, 7, 2],
];
const idsOf = (rows: readonly (readonly number[])[]): Tensor =>
  tensor(rows.flat(), [rows.length, rows[0]!.length], "int32");

/** Parameters of a usual size everywhere, as gentle norms and steep attentions are those of trained towers. */
function paramsOf(config: BuiltInTextConfig): TextParams {
  const stds: Readonly<Record<string, number>> = { embedding: 1, matrix: 0.3 };
  const wide = (leaf: ParamSpec): ParamSpec => {
    const std = stds[leaf.role];
    return std === undefined ? leaf : { ...leaf, init: normal(std) };
  };
  return initParams(mapTree<object, ParamSpec, ParamSpec>(textSpec(config), wide), 3) as TextParams;
}

beforeAll(() => useEngine("cpu"));

describe.each(towers)("$kind", (config) => {
  test("every parameter has the gradient of central differences", async () => {
    const objective = (tree: TextParams): Tensor => weightedSum(encodeText(tree, idsOf(captions), config).pooled);
    expect(await gradientFaults(objective, paramsOf(config), { step: 5e-3, entries: 2 })).toEqual([]);
  });

  test("padding changes no feature", async () => {
    const params = paramsOf(config);
    const together = slice(encodeText(params, idsOf(captions), config).pooled, [0], [1]);
    const alone = encodeText(params, idsOf([[0, 4, 5, 2]]), config).pooled;
    expect(alone.shape).toEqual([1, textFeatureWidth(config)]);
    expect(largestDifference(await together.data(), await alone.data())).toBeLessThan(1e-6);
  });

  test("the order of words changes the feature", async () => {
    const params = paramsOf(config);
    const { pooled } = encodeText(
      params,
      idsOf([
        [0, 4, 5, 6, 2],
        [0, 5, 4, 6, 2],
      ]),
      config,
    );
    const [one, other] = (await pooled.array()) as number[][];
    expect(largestDifference(one!, other!)).toBeGreaterThan(1e-3);
  });

  test("a mask can hide a token that is no padding", async () => {
    const params = paramsOf(config);
    const masked = (rows: readonly (readonly number[])[]) =>
      encodeText(params, idsOf(rows), config, { attentionMask: idsOf([[1, 1, 0, 1, 0, 0]]) }).pooled;
    const one = await masked([[0, 4, 5, 2, 1, 1]]).data();
    const other = await masked([[0, 4, 8, 2, 1, 1]]).data();
    expect(largestDifference(one, other)).toBeLessThan(1e-6);
  });

  test("an encoded caption is two tensors", async () => {
    const params = paramsOf(config);
    const input = idsOf(captions);
    for (const onlyPooled of [false, true]) {
      expect(await tensorsLeftBy(() => tidy(() => ({ ...encodeText(params, input, config, { onlyPooled }) })))).toBe(2);
    }
    dispose(input);
  });

  test("it says what it is", () => {
    const tower = textTower(config);
    expect(tower.readsMask).toBe(true);
    expect(tower.describe(config)).toContain("2 layers, width 8, 2 heads");
  });
});

test("largest values are taken over the tokens that are no padding", async () => {
  const params = paramsOf(m2m100);
  const { lastHidden } = encodeText(params, idsOf(captions), m2m100);
  const [, hidden = []] = (await lastHidden.array()) as number[][][];
  const largest = encodeText(params, idsOf(captions), { ...m2m100, pooling: "max" }).pooled;
  const [, found] = (await largest.array()) as number[][];
  const kept = hidden.slice(0, 3);
  kept[0]!.forEach((_, column) => {
    expect(found![column]).toBeCloseTo(Math.max(...kept.map((row) => row[column]!)), 5);
  });
});

/** Where transformers' `MT5Attention._relative_position_bucket` first gives each bucket. */
const starts = [
  { buckets: 32, maxDistance: 128, expected: [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91] },
  { buckets: 8, maxDistance: 10, expected: [1, 2, 5] },
  { buckets: 32, maxDistance: 256, expected: [1, 2, 3, 4, 5, 6, 7, 8, 13, 20, 30, 46, 70, 108, 166] },
  { buckets: 20, maxDistance: 77, expected: [1, 2, 3, 4, 5, 9, 15, 26, 45] },
];

test.each(starts)("of $buckets buckets up to $maxDistance each starts where transformers' does", (given) => {
  expect(bucketStarts(given)).toEqual(given.expected);
});

test("tokens that come later have buckets of their own", async () => {
  const found = (await relativeBuckets(5, { buckets: 8, maxDistance: 10 }).array()) as number[][];
  expect(found).toEqual([
    [0, 5, 6, 6, 6],
    [1, 0, 5, 6, 6],
    [2, 1, 0, 5, 6],
    [2, 2, 1, 0, 5],
    [2, 2, 2, 1, 0],
  ]);
});
