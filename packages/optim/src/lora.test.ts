import { initParams, valueAndGradient, type FlatTree } from "@clip-ts/core";
import { gradientFaults, randomTensor, relativeError, weightedSum } from "@clip-ts/test-utils";
import { matMul, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { LeafTraits } from "./leaf-rules.ts";
import { loraSpec, loraTargets, mergeLora } from "./lora.ts";

const leaves = (...entries: [string, number[], Partial<LeafTraits>?][]): Record<string, LeafTraits> =>
  Object.fromEntries(entries.map(([path, shape, traits]) => [path, { shape, ...traits }]));
const [attention, mlp] = [{ layer: "attention" } as const, { layer: "mlp" } as const];

const model = leaves(
  ["vision_model.embeddings.patch_embedding.weight", [8, 3, 4, 4]],
  ["vision_model.embeddings.position_embedding.weight", [5, 8], { role: "embedding" }],
  ["vision_model.encoder.layers.0.self_attn.q_proj.weight", [8, 8], attention],
  ["vision_model.encoder.layers.0.self_attn.q_proj.bias", [8], attention],
  ["vision_model.encoder.layers.0.mlp.fc1.weight", [32, 8], mlp],
  ["text_model.encoder.layer.0.attention.output.dense.weight", [8, 8], attention],
  ["text_model.encoder.layer.0.attention.output.LayerNorm.weight", [8], attention],
  ["text_model.encoder.layer.0.output.dense.weight", [8, 32], mlp],
  ["text_projection.weight", [4, 8]],
);

test("targets are chosen by kind, path or pattern", () => {
  const names = (targets?: readonly (string | RegExp)[]): string[] =>
    loraTargets(model, targets === undefined ? {} : { targets }).map((path) => path.slice(0, -".weight".length));
  const looking = [
    "vision_model.encoder.layers.0.self_attn.q_proj",
    "text_model.encoder.layer.0.attention.output.dense",
  ];
  const thinking = ["vision_model.encoder.layers.0.mlp.fc1", "text_model.encoder.layer.0.output.dense"];
  expect(names(["attention"])).toEqual(looking);
  expect(names(["mlp"])).toEqual(thinking);
  expect(names().toSorted()).toEqual([...looking, ...thinking].toSorted());
  expect(names([/^text_projection/])).toEqual(["text_projection"]);
  expect(() => names(["attentoin"])).toThrow("The pattern attentoin matches none of the 5 parameters");
});

test("adapters have PEFT's names and shapes, and start by changing nothing", async () => {
  const weights = { "a.attention.q.weight": randomTensor([6, 4], "weight") };
  const spec = loraSpec(leaves(["a.attention.q.weight", [6, 4], attention]), { rank: 2 });
  expect(Object.entries(spec).map(([path, { shape }]) => [path, shape])).toEqual([
    ["a.attention.q.lora_A.weight", [2, 4]],
    ["a.attention.q.lora_B.weight", [6, 2]],
  ]);
  const adapters = initParams(spec, 1) as FlatTree<Tensor>;
  const merged = mergeLora(weights, adapters, { rank: 2 });
  const [actual, expected] = [merged, weights].map((tree) => tree["a.attention.q.weight"]!.data());
  expect(await actual).toEqual(await expected);
  const drawn = await adapters["a.attention.q.lora_A.weight"]!.data();
  expect(Math.max(...drawn.map(Math.abs))).toBeLessThanOrEqual(0.5);
});

test("merged equals weight + alpha / rank · B · A in float64, and acts as the two branches do", async () => {
  const [weight, down, up] = [randomTensor([3, 4], "w"), randomTensor([2, 4], "a"), randomTensor([3, 2], "b")];
  const adapters = { "x.mlp.lora_A.weight": down, "x.mlp.lora_B.weight": up };
  const merged = mergeLora({ "x.mlp.weight": weight }, adapters, { rank: 2, alpha: 8 })["x.mlp.weight"]!;
  const [w, a, b] = [await weight.data(), await down.data(), await up.data()];
  const expected = Array.from(w, (value, index) => {
    const [row, column] = [Math.floor(index / 4), index % 4];
    return value + 4 * (b[2 * row]! * a[column]! + b[2 * row + 1]! * a[4 + column]!);
  });
  expect(relativeError(await merged.data(), expected)).toBeLessThan(1e-6);

  const x = randomTensor([5, 4], "x");
  const branch = matMul(matMul(x, down, false, true), up, false, true);
  const plain = await matMul(x, weight, false, true).data();
  const added = await branch.data();
  const together = await matMul(x, merged, false, true).data();
  expect(
    relativeError(
      together,
      plain.map((value, index) => value + 4 * added[index]!),
    ),
  ).toBeLessThan(1e-5);
});

test("both adapters have the gradient of central differences; the weight need not have one", async () => {
  const weight = randomTensor([3, 4], "w");
  const adapters = {
    "x.mlp.lora_A.weight": randomTensor([2, 4], "a"),
    "x.mlp.lora_B.weight": randomTensor([3, 2], "b"),
  };
  const objective = (tree: typeof adapters): Tensor =>
    weightedSum(mergeLora({ "x.mlp.weight": weight }, tree, { rank: 2, alpha: 3 })["x.mlp.weight"]!);
  expect(await gradientFaults(objective, adapters, { entries: 4 })).toEqual([]);
  const { gradient } = valueAndGradient((tree: typeof adapters) => ({ loss: objective(tree) }), adapters);
  expect(Object.keys(gradient)).toEqual(Object.keys(adapters));
});

test("a rank that no matrix has is refused", () => {
  const weights = leaves(["a.mlp.weight", [2, 3], mlp]);
  expect(() => loraSpec(weights, { rank: 3 })).toThrow(
    '"a.mlp.weight" of [2, 3] takes a whole number from 1 to 2, got 3',
  );
  expect(() => loraSpec(weights, { rank: 0 })).toThrow("got 0");
});
