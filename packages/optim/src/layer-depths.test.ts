import { expect, test } from "vitest";
import { layerDepths, layerwiseMultipliers, lockedPaths } from "./layer-depths.ts";

const transformer = [
  "vision_model.embeddings.class_embedding",
  "vision_model.pre_layrnorm.weight",
  "vision_model.encoder.layers.0.mlp.fc1.weight",
  "vision_model.encoder.layers.11.mlp.fc1.weight",
  "vision_model.post_layernorm.weight",
  "visual_projection.weight",
  "text_model.embeddings.token_embedding.weight",
  "text_model.encoder.layers.0.self_attn.q_proj.weight",
  "text_model.final_layer_norm.weight",
  "text_projection.weight",
  "logit_scale",
];
const others = {
  "vision_model.conv1.weight": 0,
  "vision_model.bn3.running_var": 0,
  "vision_model.layer1.0.conv1.weight": 1,
  "vision_model.layer4.2.bn3.weight": 4,
  "vision_model.attnpool.c_proj.weight": 5,
  "text_model.embeddings.LayerNorm.weight": 0,
  "text_model.encoder.layer.3.output.dense.weight": 4,
  "text_model.head.weight": 5,
};

test("embeddings are 0, blocks follow, the last takes the norm behind it, the head is deepest", () => {
  const depths = Object.values(layerDepths(transformer)).map(({ depth }) => depth);
  expect(depths).toEqual([0, 0, 1, 12, 12, 13, 0, 1, 1, 2]);
  expect(layerDepths(transformer)).not.toHaveProperty("logit_scale");
});

test("stages of ResNets, attention pools and towers of other layouts have their places", () => {
  const places = layerDepths(Object.keys(others));
  expect(
    Object.fromEntries(Object.entries(places).map(([path, { depth }]) => [path, depth])),
  ).toEqual(others);
});

test("a locked tower keeps all groups but those unlocked from its output; the other tower learns", () => {
  const locked = (image: number): string[] => [...lockedPaths(transformer, { image })];
  expect(locked(0)).toEqual(transformer.slice(0, 6));
  expect(locked(1)).toEqual(transformer.slice(0, 5));
  expect(locked(2)).toEqual(transformer.slice(0, 3));
  expect(locked(100)).toEqual([]);
  expect([...lockedPaths(transformer, { text: 1 })]).toEqual(transformer.slice(6, 9));
  expect(lockedPaths(transformer, {}).size).toBe(0);
});

test("learning rates shrink by one factor a group towards the input, tower by tower", () => {
  const factors = layerwiseMultipliers(transformer, { image: 0.5 });
  expect(factors["visual_projection.weight"]).toBe(1);
  expect(factors["vision_model.post_layernorm.weight"]).toBe(0.5);
  expect(factors["vision_model.encoder.layers.0.mlp.fc1.weight"]).toBe(0.5 ** 12);
  expect(factors["vision_model.embeddings.class_embedding"]).toBe(0.5 ** 13);
  expect([
    factors["text_projection.weight"],
    factors["text_model.embeddings.token_embedding.weight"],
  ]).toEqual([1, 1]);
  expect(factors["logit_scale"]).toBe(1);
});
