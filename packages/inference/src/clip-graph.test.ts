import { flattenTree } from "@clip-ts/core";
import type { HostArray, HostArrays } from "@clip-ts/jit";
import { compileOnnx } from "@clip-ts/onnx";
import { initClip, preset, type ClipConfig, type ClipParams } from "@clip-ts/model";
import { largestDifference, randomTensor } from "@clip-ts/test-utils";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import * as runtime from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { clipFunctions, clipGraph } from "./clip-graphs.ts";

const nano = preset("nano");
const { vision, text } = nano;

/** Towers and heads that put open sizes to unlike uses. */
const configs: Readonly<Record<string, ClipConfig>> = {
  CLIP: nano,
  "mean pooling, patch bias and MLP heads": {
    ...nano,
    vision: {
      ...vision,
      classToken: false,
      preNorm: false,
      patchBias: true,
      pooling: "mean",
    } as never,
    imageHead: "mlp",
    textHead: "mlp",
  },
  "attention pooling and the sigmoid loss": {
    ...nano,
    vision: { ...vision, classToken: false, preNorm: false, pooling: "attention" } as never,
    imageHead: "none",
    projectionDim: 16,
    loss: { kind: "sigmoid" },
  },
  RoBERTa: {
    ...nano,
    text: {
      ...text,
      kind: "roberta",
      tokenTypes: 1,
      pooling: "mean",
      padTokenId: 1,
      layerNormEps: 1e-5,
    } as never,
  },
};

/** Captions: start, words, end, and from the second on one token of padding each. */
function captions(batch: number, tokens: number): { ids: Tensor; mask: Tensor } {
  const rows = Array.from({ length: batch }, (_, row) =>
    Array.from({ length: tokens }, (_, place) => {
      const end = tokens - 1 - Math.min(row, tokens - 2);
      if (place === 0) return 598;
      return place < end ? 20 + ((7 * place + row) % 500) : place === end ? 599 : 1;
    }),
  );
  const mask = rows.map((row) => row.map((id) => (id === 1 ? 0 : 1)));
  return {
    ids: tensor(rows, [batch, tokens], "int32"),
    mask: tensor(mask, [batch, tokens], "int32"),
  };
}

const hostArray = (x: Tensor): HostArray => ({ data: x.dataSync<"float32">(), shape: x.shape });
const mapped = <From, To>(record: Readonly<Record<string, From>>, change: (value: From) => To) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));

describe.each(Object.entries(configs))("%s", (_, config) => {
  const params = mapped(flattenTree<Tensor>(initClip(config, 5)), (leaf) => leaf);
  const arrays: HostArrays = mapped(params, hostArray);

  test.each(["model", "text_model", "vision_model"] as const)(
    "%s gives what runs eagerly, at every size",
    async (name) => {
      const clipFunction = clipFunctions(config)[name];
      const graph = clipGraph(clipFunction, config, arrays);
      const compiled = await compileOnnx(graph, { runtime, threads: 1 });
      for (const [images, texts, tokens] of [
        [1, 1, 2],
        [2, 3, 7],
        [3, 2, config.text.contextLength],
      ] as const) {
        const { ids, mask } = captions(texts, tokens);
        const all = {
          input_ids: ids,
          attention_mask: mask,
          pixel_values: randomTensor([images, 3, 8, 8], "pixels"),
        };
        const names = Object.keys(clipFunction.inputs);
        const given = Object.fromEntries(Object.entries(all).filter(([key]) => names.includes(key)));
        const results = await compiled.run(mapped(given, hostArray));
        const expected = clipFunction.run(initClip(config, 5) as ClipParams, given);
        for (const [output, value] of Object.entries(expected)) {
          const { data, shape } = results[output] as HostArray;
          expect(shape, output).toEqual(value.shape);
          const difference = largestDifference(data as Float32Array, value.dataSync());
          expect(difference, `${output} at ${[images, texts, tokens].join()}`).toBeLessThan(1e-5);
        }
      }
      await compiled.dispose();
    },
  );
});
