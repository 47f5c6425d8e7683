import { largestDifference } from "@clip-ts/test-utils";
import { initClip, preset, type ClipConfig, type ClipParams } from "@clip-ts/model";
import { clipTokenizerFor } from "@clip-ts/tokenizer";
import { tensor2d, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { clipFunctions } from "./clip-graphs.ts";

const tiny = preset("tiny");
const withText = (changes: object): ClipConfig => ({ ...tiny, text: { ...tiny.text, ...changes } }) as ClipConfig;

test.each([{ causal: false }, { pooling: "last" }])(
  "an exported tower that reads padding takes rows of the whole context only, as its tokenizer makes them: %o",
  async (reading) => {
    const config = withText(reading);
    const { text_model: text } = clipFunctions(config);
    const { contextLength } = config.text;
    expect(text.inputs["input_ids"]?.shape).toEqual(["text_batch_size", contextLength]);
    const tokenizer = clipTokenizerFor(config.text)!;
    const params: ClipParams = initClip(config, 3);
    const features = async (captions: readonly string[]): Promise<Float32Array> => {
      const { inputIds, batch, tokens } = tokenizer.encodeBatch(captions, { multiple: 8 });
      const ids = tensor2d(inputIds, [batch, tokens], "int32");
      const { text_embeds: output } = text.run(params, { input_ids: ids });
      const values = (await (output as Tensor).data()) as Float32Array;
      return values.slice(0, values.length / batch);
    };
    const alone = await features(["a cat"]);
    const beside = await features(["a cat", "two dogs run over a wide and sunny beach at noon"]);
    expect(largestDifference(alone, beside)).toBeLessThan(1e-5);
  },
);

test("a causal tower takes rows of any width", () => {
  const { text_model: text } = clipFunctions(tiny);
  expect(text.inputs["input_ids"]?.shape).toEqual(["text_batch_size", "sequence_length"]);
});
