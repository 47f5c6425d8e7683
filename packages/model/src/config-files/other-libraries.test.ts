import { goldenJson, goldenTowers } from "@clip-ts/test-utils";
import type { SiglipTextConfig } from "@clip-ts/text-encoder";
import type { VitConfig } from "@clip-ts/vision-encoder";
import { expect, test } from "vitest";
import { preset } from "../presets.ts";
import { parseClipConfig } from "./hugging-face.ts";
import { assertBigVision, assertTorchvision, formatRobertaConfig } from "./other-libraries.ts";

const joined = preset("ViT-B-32-roberta");
const vision = joined.vision as VitConfig;

test("torchvision's ViT is held against what torchvision computes", () => {
  assertTorchvision(joined);
  const refused = (change: Partial<VitConfig>) => () => assertTorchvision({ vision: { ...vision, ...change } });
  expect(refused({ activation: "quick_gelu" })).toThrow(
    'torchvision cannot run this model: the vision tower\'s activation is "quick_gelu", and there it is ' +
      'always "gelu". Convert it to "hf", which takes every model.',
  );
  expect(refused({ pooling: "mean" })).toThrow('pooling is "mean"');
  expect(refused({ layerScale: 0.1 })).toThrow("layerScale is 0.1, and there it is always none");
  expect(refused({ layerNormEps: 1e-5 })).toThrow("layerNormEps is 0.00001");
  expect(refused({ imageSize: 225 })).toThrow("no images of 225 pixels for patches of 32");
  expect(() => assertTorchvision(preset("ViT-B/32"))).toThrow("preNorm is true");
  expect(() => assertTorchvision(preset("RN50"))).toThrow("none of CLIP's ResNets");
});

test("SigLIP is held against what big_vision computes", () => {
  const siglip = parseClipConfig({ model_type: "siglip" });
  assertBigVision(siglip);
  const exact = { ...siglip, text: { ...(siglip.text as SiglipTextConfig), activation: "gelu" } };
  expect(() => assertBigVision(exact as typeof siglip)).toThrow(
    'the text tower\'s activation is "gelu", and there it is always "gelu_pytorch_tanh"',
  );
  expect(() => assertBigVision(preset("ViT-B/32"))).toThrow("it is no SigLIP");
});

test("RoBERTa's config is the one that transformers wrote", () => {
  const theirs = goldenJson("roberta/config.json") as Readonly<Record<string, unknown>>;
  const text = goldenTowers.roberta;
  const { attention_probs_dropout_prob: _a, hidden_dropout_prob: _h, ...written } = formatRobertaConfig({ text });
  expect(theirs).toMatchObject(written);
  expect(() => formatRobertaConfig(preset("nano"))).toThrow(
    'RobertaModel cannot run this model: its text tower is of kind "clip"',
  );
});
