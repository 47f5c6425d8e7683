import { isClipError } from "@clip-ts/base";
import { initParams, normal, param, unflattenLike } from "@clip-ts/core";
import {
  goldenArrays,
  goldenTensors,
  goldenTowers,
  gradientFaults,
  largestDifference,
  relativeError,
  tensorsLeftBy,
  useEngine,
  weightedSum,
} from "@clip-ts/test-utils";
import { dispose, slice, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import type { RobertaTextConfig } from "./config.ts";
import { encodeText } from "./towers.ts";
import { robertaTextSpec, type RobertaTextParams } from "./roberta-tower.ts";

const golden: RobertaTextConfig = goldenTowers.roberta;

/** Small enough for central differences. */
const tiny: RobertaTextConfig = {
  ...golden,
  width: 8,
  layers: 1,
  heads: 2,
  mlpWidth: 12,
  vocabSize: 12,
  contextLength: 6,
  layerNormEps: 1e-5,
};
const captions = [
  [0, 4, 5, 2, 1, 1],
  [0, 3, 2, 1, 1, 1],
  [0, 9, 9, 3, 7, 2],
];
const idsOf = (rows: readonly (readonly number[])[]): Tensor =>
  tensor(rows.flat(), [rows.length, rows[0]!.length], "int32");

/** Parameters of the tiny tower; embeddings of a trained tower's size keep layer norms gentle. */
function tinyParams(config: RobertaTextConfig): RobertaTextParams {
  const spec = robertaTextSpec(config);
  const wide = (shape: readonly number[]) => ({
    weight: param(shape, normal(1), "embedding"),
  });
  const { word_embeddings, position_embeddings, ...rest } = spec.embeddings;
  const embeddings = {
    ...rest,
    word_embeddings: wide(word_embeddings.weight.shape),
    position_embeddings: wide(position_embeddings.weight.shape),
  };
  return initParams({ ...spec, embeddings }, 3) as RobertaTextParams;
}

afterAll(() => useEngine("cpu"));

test.each(["cpu", "wasm"] as const)(
  "hidden states and first token equal Hugging Face's RobertaModel, padding included (%s)",
  async (engine) => {
    await useEngine(engine);
    const weights = goldenTensors("roberta/model.safetensors");
    const params = unflattenLike(robertaTextSpec(golden), weights) as RobertaTextParams;
    const { input_ids: ids, attention_mask: attentionMask } = goldenTensors("roberta/io.safetensors");
    const expected = goldenArrays("roberta/io.safetensors");
    for (const options of [{}, { attentionMask: attentionMask! }]) {
      const { pooled, lastHidden } = encodeText(params, ids!, golden, options);
      expect(relativeError(await lastHidden.data(), expected["last_hidden_state"]!.values)).toBeLessThan(1e-5);
      expect(relativeError(await pooled.data(), expected["cls"]!.values)).toBeLessThan(1e-5);
    }
  },
);

test.each(["first", "mean", "max", "pooler"] as const)("padding changes no feature pooled by %s", async (pooling) => {
  await useEngine("cpu");
  const config = { ...tiny, pooling };
  const params = tinyParams(config);
  const together = encodeText(params, idsOf(captions), config).pooled;
  const alone = encodeText(params, idsOf([[0, 4, 5, 2]]), config).pooled;
  const first = slice(together, [0], [1]);
  expect(largestDifference(await first.data(), await alone.data())).toBeLessThan(1e-6);
});

test("mean and largest are taken over the tokens that are no padding", async () => {
  const params = tinyParams(tiny);
  const pooled = (pooling: "mean" | "max") =>
    encodeText(params, idsOf(captions), { ...tiny, pooling }).pooled.array() as Promise<number[][]>;
  const { lastHidden } = encodeText(params, idsOf(captions), tiny);
  const [, hidden = []] = (await lastHidden.array()) as number[][][];
  const kept = hidden.slice(0, 3); // "start, word, end" of the second caption
  const columns = kept[0]!.map((_, column) => kept.map((row) => row[column]!));
  const [, mean] = await pooled("mean");
  const [, largest] = await pooled("max");
  columns.forEach((column, index) => {
    expect(mean![index]).toBeCloseTo(column.reduce((sum, value) => sum + value, 0) / 3, 5);
    expect(largest![index]).toBeCloseTo(Math.max(...column), 5);
  });
});

test.each(["first", "mean", "max", "pooler"] as const)(
  "every parameter has the gradient of central differences, pooled by %s",
  async (pooling) => {
    await useEngine("cpu");
    const config = { ...tiny, pooling };
    const objective = (tree: RobertaTextParams): Tensor => {
      const { pooled, lastHidden } = encodeText(tree, idsOf(captions), config);
      return weightedSum(pooling === "first" ? lastHidden : pooled);
    };
    expect(await gradientFaults(objective, tinyParams(config), { step: 5e-3, entries: 2 })).toEqual([]);
  },
);

test("a mask can hide a token that is no padding", async () => {
  const config = { ...tiny, pooling: "mean" } as const;
  const params = tinyParams(config);
  const masked = (rows: readonly (readonly number[])[]) =>
    encodeText(params, idsOf(rows), config, { attentionMask: idsOf([[1, 1, 0, 1, 0, 0]]) }).pooled;
  const one = await masked([[0, 4, 5, 2, 1, 1]]).data();
  const other = await masked([[0, 4, 8, 2, 1, 1]]).data();
  expect(largestDifference(one, other)).toBeLessThan(1e-6);
});

test("a mask of another shape is refused", () => {
  const params = tinyParams(tiny);
  expect(() => encodeText(params, idsOf(captions), tiny, { attentionMask: idsOf([[1, 1]]) })).toThrow(
    "attention mask: expected [3, 6], got [1, 2].",
  );
});

test("an encoded caption is two tensors", async () => {
  const params = tinyParams(tiny);
  const ids = idsOf(captions);
  expect(await tensorsLeftBy(() => tidy(() => ({ ...encodeText(params, ids, tiny) })))).toBe(2);
  dispose(ids);
});

test("a kind that does not exist is refused by name", () => {
  const odd = { ...tiny, kind: "elmo" } as unknown as RobertaTextConfig;
  let caught: unknown;
  try {
    encodeText(tinyParams(tiny), idsOf(captions), odd);
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error("expected a ClipError");
  expect(caught.code).toBe("bad-config");
  expect(caught.message).toContain('no text tower of kind "elmo"');
});
