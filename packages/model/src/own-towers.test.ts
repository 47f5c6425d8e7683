import {
  embed,
  embeddingSpec,
  flattenTree,
  linear,
  linearSpec,
  normal,
  valueAndGradient,
  withTraits,
  type ParamSpec,
} from "@clip-ts/core";
import { defineTextTower, type CaptionConfig } from "@clip-ts/text-encoder";
import { randomTensor, refusalOf, tensorsLeftBy } from "@clip-ts/test-utils";
import { defineVisionTower, type ImageConfig } from "@clip-ts/vision-encoder";
import { dispose, mean, reshape, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { createClip } from "./clip.ts";
import type { ClipConfig } from "./config.ts";
import { formatClipConfig, ownFormatReason, parseClipConfig, weightNamesOf } from "./config-files/hugging-face.ts";
import { formatOpenClipConfig } from "./config-files/open-clip.ts";
import { assertBigVision, assertTorchvision } from "./config-files/other-libraries.ts";
import { forward } from "./forward.ts";
import { objectiveOf } from "./objectives/objectives.ts";
import { preset } from "./presets.ts";
import { clipSpec, initClip } from "./spec.ts";

const pixelsTower = defineVisionTower({
  name: "pixels",
  spec: ({ imageSize, channels, width }: ImageConfig & { readonly width: number }) => ({
    map: withTraits(linearSpec(channels * imageSize ** 2, width, { weight: normal(0.1) }), {
      depth: 2,
    }),
  }),
  encode: ({ map }, pixels, { imageSize, channels }) => ({
    pooled: linear(map, reshape(pixels, [-1, channels * imageSize ** 2])),
  }),
  width: ({ width }) => width,
});

const wordsTower = defineTextTower({
  name: "words",
  spec: ({ vocabSize, width }: CaptionConfig & { readonly width: number }) => ({
    words: embeddingSpec(vocabSize, width, 0.5),
  }),
  encode: ({ words }, ids) => ({ pooled: mean(embed(words, ids), 1) }),
  width: ({ width }) => width,
});

const nano = preset("nano");
const vision = pixelsTower.config({ imageSize: 8, width: 6 });
const text = wordsTower.config({ vocabSize: 600, contextLength: 12, width: 5 });
const config: ClipConfig = { ...nano, vision, text };
const towers = [pixelsTower, wordsTower];

test("the spec has the towers' own trees, and heads of their depth", () => {
  const specs = flattenTree<ParamSpec>(clipSpec(config));
  expect(Object.keys(specs)).toEqual([
    "vision_model.map.weight",
    "vision_model.map.bias",
    "text_model.words.weight",
    "visual_projection.weight",
    "text_projection.weight",
    "logit_scale",
  ]);
  expect(specs["vision_model.map.weight"]).toMatchObject({ tower: "image", depth: 2 });
  expect(specs["visual_projection.weight"]).toMatchObject({ shape: [8, 6], depth: 3 });
  expect(specs["text_projection.weight"]).toMatchObject({ shape: [8, 5], depth: 1 });
});

test("objectives give every parameter a gradient, and forward leaves nothing behind", async () => {
  const params = initClip(config, 3);
  const batch = {
    pixelValues: randomTensor([2, 3, 8, 8], 1),
    inputIds: tensor([1, 2, 599, 1, 3, 599], [2, 3], "int32"),
  };
  const objective = objectiveOf(config);
  const { value, gradient } = valueAndGradient(
    (tree: typeof params) =>
      tidy(() => {
        const { rows } = objective.encode(tree, batch);
        return { loss: objective.compare(tree, rows, {}).loss };
      }),
    params,
  );
  const largest = Object.entries(flattenTree<Tensor>(gradient)).map(([path, leaf]) => {
    return [path, Math.max(...leaf.dataSync().map(Math.abs))] as const;
  });
  expect(largest.filter(([, most]) => !(most > 0))).toEqual([]);
  dispose([value, flattenTree<Tensor>(gradient)]);
  const left = await tensorsLeftBy(() => dispose({ ...forward(params, batch, config) }));
  expect(left).toBe(0);
  dispose([Object.values(batch), Object.values(flattenTree<Tensor>(params))]);
});

test("a handle embeds and classifies", async () => {
  const clip = await createClip<Float32Array>({
    config,
    model: initClip(config, 3),
    tokenize: (texts) => ({
      inputIds: Int32Array.from(texts.flatMap((text) => [text.length, 599])),
      batch: texts.length,
      tokens: 2,
    }),
    preprocess: (image) => image,
  });
  const image = new Float32Array(3 * 8 * 8).fill(0.5);
  const ranked = await clip.classify(image, ["one", "three"]);
  expect(ranked.map(({ probability }) => probability).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  clip.dispose();
});

test("a file has the towers' names and settings, and is read with the towers", () => {
  const written = JSON.parse(JSON.stringify(formatClipConfig(config))) as object;
  expect(written).toMatchObject({
    model_type: "clip-ts",
    vision: { kind: "own", tower: "pixels", imageSize: 8, channels: 3, settings: { width: 6 } },
    text: {
      kind: "own",
      tower: "words",
      vocabSize: 600,
      contextLength: 12,
      endTokenId: 599,
      padTokenId: 0,
      settings: { width: 5 },
    },
  });
  expect(written).not.toHaveProperty("text.readsPadding");
  const read = parseClipConfig(written, { towers });
  expect(read).toEqual(config);
  expect(clipSpec(read)).toEqual(clipSpec(config));
  expect(weightNamesOf(config)).toBe("huggingface");
});

test("a file without its tower says which one is needed, and how it is given", () => {
  const written = JSON.parse(JSON.stringify(formatClipConfig(config))) as object;
  const { code, message } = refusalOf(() => parseClipConfig(written, { towers: [wordsTower] }));
  expect(code).toBe("unsupported");
  expect(message).toBe(
    'This model has a vision tower of its own, "pixels", which config.json only names. Give what ' +
      "defineVisionTower made of it: openClip(model, { towers: [...] }), and so wherever else a model is read.",
  );
  expect(refusalOf(() => parseClipConfig(written, { towers: [pixelsTower] })).message).toContain(
    'a text tower of its own, "words"',
  );
});

test("a key beside settings that nothing reads is refused", () => {
  const written = {
    ...formatClipConfig(config),
    vision: { kind: "own", tower: "pixels", imageSize: 8, channels: 3, width: 6 },
  };
  expect(refusalOf(() => parseClipConfig(written, { towers })).message).toContain(
    "config.json: vision.width is no key of this kind of model",
  );
});

test.each([
  ["vision", { ...nano, vision }, 'it has a vision tower of its own, "pixels", which transformers has not'],
  ["text", { ...nano, text }, 'it has a text tower of its own, "words", which transformers has not'],
] as const)("an own %s tower is told from what other libraries have", (side, one, reason) => {
  expect(ownFormatReason(one)).toBe(reason);
  const { code, message } = refusalOf(() => formatOpenClipConfig(one));
  expect(code).toBe("unsupported");
  expect(message).toContain(`open_clip's format is for built-in towers only, and this model has a ${side} tower`);
  expect(refusalOf(() => assertBigVision(one)).code).toBe("unsupported");
});

test("torchvision is told from it too", () => {
  expect(refusalOf(() => assertTorchvision({ vision })).message).toContain(
    'torchvision cannot run this model: this model has a vision tower of its own, "pixels"',
  );
});
