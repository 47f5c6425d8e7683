import {
  embed,
  embeddingSpec,
  flattenTree,
  initParams,
  linear,
  linearSpec,
  normal,
  withTraits,
  type ParamSpec,
} from "@clip-ts/core";
import { gradientFaults, refusalOf, tensorsLeftBy, weightedSum } from "@clip-ts/test-utils";
import { cast, dispose, div, expandDims, mul, notEqual, sum, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { CaptionConfig, TextConfig } from "./config.ts";
import { builtInText, encodeText, matchText, textFeatureWidth, textKind, textSpec, textTower } from "./towers.ts";
import { defineTextTower } from "./own-tower.ts";

interface BagConfig extends CaptionConfig {
  readonly dim: number;
  readonly outputs: number;
}

/** A bag of words: the mean of what is no padding, through a linear layer. */
const bag = defineTextTower({
  name: "bag-of-words",
  spec: ({ vocabSize, dim, outputs }: BagConfig) => ({
    words: embeddingSpec(vocabSize, dim, 0.5),
    out: withTraits(linearSpec(dim, outputs, { weight: normal(0.5) }), { depth: 1 }),
  }),
  encode({ words, out }, ids, { padTokenId }) {
    const counts = expandDims(cast(notEqual(ids, padTokenId), "float32"), 2); // [batch, tokens, 1]
    const mean = div(sum(mul(embed(words, ids), counts), 1), sum(counts, 1));
    return { pooled: linear(out, mean) };
  },
  width: ({ outputs }) => outputs,
});

const config: TextConfig = bag.config({ vocabSize: 20, contextLength: 6, dim: 4, outputs: 3 });
const captions = (): Tensor => tensor([18, 5, 19, 18, 19, 0], [2, 3], "int32");
test("a config has CLIP's ids unless it is told others", () => {
  expect(config).toMatchObject({ kind: "own", endTokenId: 19, padTokenId: 0, readsPadding: false });
  const { endTokenId, padTokenId, vocabSize } = bag.config({
    ...given,
    endTokenId: 7,
    padTokenId: 1,
  });
  expect([vocabSize, endTokenId, padTokenId]).toEqual([20, 7, 1]);
  expect([textKind(config), textTower(config)]).toEqual(["own", bag]);
  // @ts-expect-error what the tower asks for is missing
  bag.config({ vocabSize: 20, contextLength: 6, dim: 4 });
});
const given = { vocabSize: 20, contextLength: 6, dim: 4, outputs: 3 };

test("it is dispatched as built-in ones are", async () => {
  const params = initParams(textSpec(config), 3);
  expect(Object.keys(flattenTree(params))).toEqual(["words.weight", "out.weight", "out.bias"]);
  expect(textFeatureWidth(config)).toBe(3);
  const ids = captions();
  const left = await tensorsLeftBy(() => {
    const { pooled, lastHidden } = encodeText(params, ids, config);
    expect([pooled.shape, lastHidden.shape]).toEqual([
      [2, 3],
      [2, 1, 3],
    ]);
    dispose([pooled, lastHidden]);
  });
  expect(left).toBe(0);
  expect(refusalOf(() => encodeText(params, tensor([[1, 2, 3, 4, 5, 6, 7]], [1, 7], "int32"), config))).toMatchObject({
    code: "bad-shape",
  });
});

test("every parameter has the gradient of central differences", async () => {
  const params = initParams(textSpec(config), 3);
  const ids = captions();
  const faults = await gradientFaults((tree) => tidy(() => weightedSum(encodeText(tree, ids, config).pooled)), params);
  expect(faults).toEqual([]);
});

test("what it leaves out has usual values", () => {
  const tower = textTower(config);
  const flat = Object.values(flattenTree<ParamSpec>(tower.spec(config)));
  expect(flat.map(({ role }) => role)).toEqual(["embedding", "matrix", "bias"]);
  expect([tower.depth(config), tower.readsMask, tower.endsInJointSpace]).toEqual([1, false, false]);
  expect(tower.describe(config)).toBe("bag-of-words, dim 4, outputs 3");
});

test("what is for built-in towers only names it and says what to do", () => {
  const cases = {
    clip: () => 1,
    altclip: () => 0,
    bert: () => 0,
    m2m100: () => 0,
    mt5: () => 0,
    roberta: () => 2,
    siglip: () => 3,
  };
  expect(refusalOf(() => matchText(config, cases)).code).toBe("unsupported");
  expect(refusalOf(() => builtInText(config, "open_clip")).message).toContain(
    'open_clip is for built-in towers only, and this model has a text tower of its own, "bag-of-words": keep',
  );
  const named = JSON.parse('{ "kind": "own", "tower": "bag" }') as TextConfig;
  expect(refusalOf(() => textTower(named)).message).toContain('This config has "bag" in the place');
});
