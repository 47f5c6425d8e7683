import { isClipError } from "@clip-ts/base";
import { goldenJson } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { formatClipConfig, parseClipConfig } from "./hugging-face.ts";
import { preset, presetNames } from "./presets.ts";

const minimal = { model_type: "clip", vision_config: {}, text_config: {} };

test.each(presetNames)("%s survives being written and read", (name) => {
  const written = JSON.parse(JSON.stringify(formatClipConfig(preset(name)))) as unknown;
  expect(parseClipConfig(written)).toEqual(preset(name));
});

test("what is left out is as in ViT-B/32", () => {
  const { initialLogitScale, ...rest } = parseClipConfig(minimal);
  expect(rest).toEqual({ ...preset("ViT-B/32"), initialLogitScale: undefined });
  expect(initialLogitScale).toBeCloseTo(Math.log(1 / 0.07), 12);
});

test("reads a config that transformers wrote", () => {
  const config = parseClipConfig(goldenJson("clip-vit/config.json"));
  const written = formatClipConfig(config);
  expect(parseClipConfig(written)).toEqual(config);
  expect(written).toMatchObject({
    model_type: "clip",
    text_config: { model_type: "clip_text_model", eos_token_id: config.text.endTokenId },
  });
});

test.each([
  [{ vocab_size: 49408, eos_token_id: 2 }, 49407],
  [{ vocab_size: 100, eos_token_id: 49407 }, 99],
  [{ vocab_size: 100, eos_token_id: 60 }, 60],
  [{ vocab_size: 100 }, 99],
])("%o ends captions with id %i", (text_config, endTokenId) => {
  const { text } = parseClipConfig({ ...minimal, text_config });
  expect(text.endTokenId).toBe(endTokenId);
  expect(text).toMatchObject({ startTokenId: endTokenId - 1 });
});

test.each([
  [null, "should be an object, got null"],
  ["clip", 'should be an object, got "clip"'],
  [{ ...minimal, model_type: "siglip" }, 'model_type should be "clip", got "siglip"'],
  [{ model_type: "clip", text_config: {} }, "vision_config. should be an object, got nothing"],
  [
    { ...minimal, vision_config: { hidden_size: 0 } },
    "vision_config.hidden_size should be a positive whole number, got 0",
  ],
  [
    { ...minimal, vision_config: { patch_size: 3.5 } },
    "vision_config.patch_size should be a positive whole number, got 3.5",
  ],
  [
    { ...minimal, text_config: { vocab_size: "many" } },
    'text_config.vocab_size should be a positive whole number, got "many"',
  ],
  [
    { ...minimal, text_config: { hidden_act: "swish" } },
    'text_config.hidden_act should be one of gelu, gelu_pytorch_tanh, quick_gelu, relu, got "swish"',
  ],
  [
    { ...minimal, text_config: { layer_norm_eps: "1e-5" } },
    'text_config.layer_norm_eps should be a number, got "1e-5"',
  ],
  [
    { ...minimal, vision_config: { hidden_size: 96, num_attention_heads: 7 } },
    "vision_config.num_attention_heads should be a divisor of hidden_size 96, got 7",
  ],
  [{ ...minimal, projection_dim: -1 }, "projection_dim should be a positive whole number, got -1"],
])("%j is refused with the key, what it should be and what it is", (json, message) => {
  let caught: unknown;
  try {
    parseClipConfig(json);
  } catch (error) {
    caught = error;
  }
  if (!isClipError(caught)) throw new Error(`expected a ClipError, got ${String(caught)}`);
  expect(caught.code).toBe("bad-config");
  expect(caught.message).toContain(message);
});
