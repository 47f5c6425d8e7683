import { expect, test } from "vitest";
import { preset } from "../presets.ts";
import { unusedDropout } from "./unused-dropout.ts";

const clip = preset("nano");
const roberta = { ...clip, text: { ...preset("ViT-B-32-roberta").text, hiddenDropout: 0.1, attentionDropout: 0.1 } };

test("dropout that no step applies is named with its sections and its share; 0 is none", () => {
  const swin = { hidden_dropout_prob: 0, attention_probs_dropout_prob: 0.05, drop_path_rate: 0.1, depths: [2, 2] };
  expect(unusedDropout({ vision_config: swin, text_config: { dropout_rate: 0.1, dropout: null } }, clip)).toEqual([
    { key: "vision_config.attention_probs_dropout_prob", value: 0.05 },
    { key: "vision_config.drop_path_rate", value: 0.1 },
    { key: "text_config.dropout_rate", value: 0.1 },
  ]);
  const cfg = { model_cfg: { vision_cfg: { timm_drop: 0, timm_drop_path: 0.2 }, text_cfg: {} } };
  expect(unusedDropout(cfg, clip)).toEqual([{ key: "model_cfg.vision_cfg.timm_drop_path", value: 0.2 }]);
  for (const nothing of [undefined, null, [], "config", { drop_path_rate: "0.1" }]) {
    expect(unusedDropout(nothing, clip)).toEqual([]);
  }
});

test("what a text tower drops is used, in its own sections and files only", () => {
  const bert = { hidden_dropout_prob: 0.1, attention_probs_dropout_prob: 0.1 };
  expect(unusedDropout({ text_config: bert }, roberta)).toEqual([]);
  expect(unusedDropout(bert, roberta, { isText: true })).toEqual([]);
  expect(unusedDropout({ vision_config: bert }, roberta)).toHaveLength(2);
  expect(unusedDropout({ text_config: bert }, clip)).toHaveLength(2);
});
