import { expect, test } from "vitest";
import type { LeafTraits } from "./index.ts";
import { layerwiseMultipliers, lockedPaths } from "./leaf-rules.ts";

const at = (tower: string, depth: number): LeafTraits => ({ shape: [], tower, depth });
const transformer: Record<string, LeafTraits> = {
  "vision_model.embeddings.class_embedding": at("image", 0),
  "vision_model.pre_layrnorm.weight": at("image", 0),
  "vision_model.encoder.layers.0.mlp.fc1.weight": at("image", 1),
  "vision_model.encoder.layers.11.mlp.fc1.weight": at("image", 12),
  "vision_model.post_layernorm.weight": at("image", 12),
  "visual_projection.weight": at("image", 13),
  "text_model.embeddings.token_embedding.weight": at("text", 0),
  "text_model.encoder.layers.0.self_attn.q_proj.weight": at("text", 1),
  "text_model.final_layer_norm.weight": at("text", 1),
  "text_projection.weight": at("text", 2),
  logit_scale: { shape: [] },
};
const paths = Object.keys(transformer);

test("a locked tower keeps all groups but those unlocked from its output; the other tower learns", () => {
  const locked = (image: number): string[] => [...lockedPaths(transformer, { image })];
  expect(locked(0)).toEqual(paths.slice(0, 6));
  expect(locked(1)).toEqual(paths.slice(0, 5));
  expect(locked(2)).toEqual(paths.slice(0, 3));
  expect(locked(100)).toEqual([]);
  expect([...lockedPaths(transformer, { text: 1 })]).toEqual(paths.slice(6, 9));
  expect(lockedPaths(transformer, {}).size).toBe(0);
});

test("learning rates shrink by one factor a group towards the input, tower by tower", () => {
  const factors = layerwiseMultipliers(transformer, { image: 0.5 });
  expect(factors["visual_projection.weight"]).toBe(1);
  expect(factors["vision_model.post_layernorm.weight"]).toBe(0.5);
  expect(factors["vision_model.encoder.layers.0.mlp.fc1.weight"]).toBe(0.5 ** 12);
  expect(factors["vision_model.embeddings.class_embedding"]).toBe(0.5 ** 13);
  expect([factors["text_projection.weight"], factors["text_model.embeddings.token_embedding.weight"]]).toEqual([1, 1]);
  expect(factors["logit_scale"]).toBe(1);
});
