import { randomStream } from "@clip-ts/base";
import { flattenTree, initParams, unflattenLike, valueAndGradient } from "@clip-ts/core";
import { goldenTensors, goldenTowers, relativeError, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import { mean, onesLike, square, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import type { RobertaTextConfig } from "./config.ts";
import { drawTextDropout, encodeText } from "./towers.ts";
import type { KeptValues } from "./dropout.ts";
import { robertaTextSpec, type RobertaTextParams } from "./roberta-tower.ts";

const golden: RobertaTextConfig = {
  ...goldenTowers.roberta,
  hiddenDropout: 0.25,
  attentionDropout: 0.4,
};
const small = { ...golden, width: 8, heads: 2, mlpWidth: 12, vocabSize: 12, contextLength: 6 };

afterAll(() => useEngine("cpu"));

const loadGolden = (): RobertaTextParams =>
  unflattenLike(robertaTextSpec(golden), goldenTensors("roberta/model.safetensors")) as RobertaTextParams;

for (const engine of ["cpu", "wasm"] as const) {
  test.each([false, true])(
    `a training pass of transformers' RobertaModel, given what it keeps (${engine}, checkpointed %s)`,
    async (checkpoint) => {
      await useEngine(engine);
      const { input_ids, attention_mask, kept_hidden, kept_attention, ...reference } =
        goldenTensors("roberta/dropout.safetensors");
      const given = {
        attentionMask: attention_mask!,
        keptHidden: kept_hidden!,
        keptAttention: kept_attention!,
        checkpoint,
      };
      const { gradient, aux } = valueAndGradient((tree: RobertaTextParams) => {
        const { lastHidden } = encodeText(tree, input_ids!, golden, given);
        return { loss: mean(square(lastHidden)), aux: { lastHidden } };
      }, loadGolden());
      const { lastHidden } = aux as { lastHidden: Tensor };
      const expected = await reference["last_hidden_state"]!.data();
      expect(relativeError(await lastHidden.data(), expected)).toBeLessThan(1e-5);
      const gradients = flattenTree<Tensor>(gradient);
      const compared = Object.entries(reference).filter(([name]) => name.startsWith("gradient:"));
      expect(compared).toHaveLength(5);
      for (const [name, values] of compared) {
        const actual = await gradients[name.slice("gradient:".length)]!.data();
        expect(relativeError(actual, await values.data(), 1e-3), name).toBeLessThan(1e-4);
      }
    },
  );
}

const ids = (): Tensor => tensor([0, 4, 5, 2, 0, 7, 2, 1], [2, 4], "int32");
const upload = ({ data, shape }: KeptValues): Tensor => tensor(data, [...shape], "int32");

test("without dropout nothing is drawn, and keeping everything changes nothing", async () => {
  await useEngine("cpu");
  const none: RobertaTextConfig = { ...small, hiddenDropout: 0, attentionDropout: 0 };
  const size = { batch: 2, tokens: 4 };
  expect(drawTextDropout(none, size, randomStream(1))).toEqual({});
  expect(drawTextDropout(goldenTowers.roberta, size, randomStream(1))).toEqual({});
  const { keptHidden, keptAttention } = drawTextDropout(small, size, randomStream(1));
  const all = {
    keptHidden: onesLike(upload(keptHidden!)),
    keptAttention: onesLike(upload(keptAttention!)),
  };
  const params = initParams(robertaTextSpec(small), 3) as RobertaTextParams;
  const plain = await encodeText(params, ids(), small).lastHidden.data();
  expect(await encodeText(params, ids(), none, all).lastHidden.data()).toEqual(plain);
});

test("what is kept is drawn from the seed, in the shares of the config", () => {
  const size = { batch: 8, tokens: 16 };
  const draw = (seed: number) => drawTextDropout(golden, size, randomStream(seed));
  const { keptHidden, keptAttention } = draw(1);
  expect(keptHidden!.shape).toEqual([8, 5, 16, 48]);
  expect(keptAttention!.shape).toEqual([8, 2, 3, 16, 16]);
  const share = ({ data }: KeptValues): number => data.reduce((sum, value) => sum + value, 0) / data.length;
  expect(share(keptHidden!)).toBeCloseTo(0.75, 1);
  expect(share(keptAttention!)).toBeCloseTo(0.6, 1);
  expect(draw(1)).toEqual({ keptHidden, keptAttention });
  expect(draw(2)).not.toEqual({ keptHidden, keptAttention });
});

test("the mean over many draws is what comes without dropout", async () => {
  await useEngine("cpu");
  const config: RobertaTextConfig = { ...small, layers: 0, attentionDropout: 0 };
  const params = initParams(robertaTextSpec(config), 3) as RobertaTextParams;
  const plain = await encodeText(params, ids(), config).lastHidden.data();
  const sums = new Float64Array(plain.length);
  const draws = 400;
  for (let seed = 0; seed < draws; seed++) {
    const { keptHidden } = drawTextDropout(config, { batch: 2, tokens: 4 }, randomStream(seed));
    const options = { keptHidden: upload(keptHidden!) };
    const dropped = await encodeText(params, ids(), config, options).lastHidden.data();
    dropped.forEach((value, index) => (sums[index]! += value / draws));
  }
  expect(relativeError(sums, plain)).toBeLessThan(0.15);
});

test("shares and shapes that cannot be are refused", async () => {
  await useEngine("cpu");
  const size = { batch: 2, tokens: 4 };
  expect(() => drawTextDropout({ ...small, hiddenDropout: 1 }, size, randomStream(1))).toThrow(
    "hiddenDropout is a share from 0 up to 1; got 1.",
  );
  const params = initParams(robertaTextSpec(small), 3) as RobertaTextParams;
  const { keptHidden } = drawTextDropout(small, { batch: 2, tokens: 3 }, randomStream(1));
  expect(() => encodeText(params, ids(), small, { keptHidden: upload(keptHidden!) })).toThrow(
    "kept activations: expected [2, 5, 4, 8], got [2, 5, 3, 8].",
  );
});

test("dropout leaves no tensors behind", async () => {
  const params = initParams(robertaTextSpec(small), 3) as RobertaTextParams;
  const drawn = drawTextDropout(small, { batch: 2, tokens: 4 }, randomStream(1));
  const [input, keptHidden] = [ids(), upload(drawn.keptHidden!)];
  const run = () => tidy(() => ({ ...encodeText(params, input, small, { keptHidden }) }));
  expect(await tensorsLeftBy(run)).toBe(2);
});
