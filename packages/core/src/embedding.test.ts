import { randomTensor, useEngine } from "@clip-ts/test-utils";
import { sum, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { embed, embeddingSpec } from "./layers.ts";
import { valueAndGradient } from "./gradient.ts";

afterAll(() => useEngine("cpu"));

test("gives the row of each id, in the ids' own shape", async () => {
  const weight = randomTensor([5, 3], "weight");
  const rows = embed({ weight }, tensor([4, 0, 0, 2], [2, 2], "int32"));
  expect(rows.shape).toEqual([2, 2, 3]);
  const table = await weight.data();
  const row = (id: number): number[] => Array.from(table.slice(3 * id, 3 * id + 3));
  expect(Array.from(await rows.data())).toEqual([4, 0, 0, 2].flatMap(row));
});

test.each(["cpu", "wasm"] as const)(
  "the gradient adds the rows of equal ids up, and is 0 elsewhere (%s)",
  async (engine) => {
    await useEngine(engine);
    const ids = tensor([4, 0, 0, 2, 0], [5], "int32");
    const { gradient } = valueAndGradient((tree: { weight: Tensor }) => ({ loss: sum(embed(tree, ids)) }), {
      weight: randomTensor([5, 2], "weight"),
    });
    expect(Array.from(await gradient.weight.data())).toEqual([3, 3, 0, 0, 1, 1, 0, 0, 1, 1]);
  },
);

test.each(["cpu", "wasm"] as const)("an id outside the table is an error (%s)", async (engine) => {
  await useEngine(engine);
  const weight = randomTensor([5, 2], "weight");
  expect(() => embed({ weight }, tensor([5], [1], "int32"))).toThrow(/5/u);
});

test("starts normal with the deviation asked for", () => {
  expect(embeddingSpec(7, 3, 0.02).weight).toMatchObject({
    shape: [7, 3],
    init: { kind: "normal", std: 0.02 },
  });
});
