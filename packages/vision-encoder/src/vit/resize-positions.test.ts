import { goldenTensors, largestDifference, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import { slice, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { resizePositions } from "./positions.ts";

afterAll(() => useEngine("cpu"));

const golden = goldenTensors("open-clip-vit/positions.safetensors");
const table = golden["table"] as Tensor; // a class token and 7 · 7 places

for (const engine of ["cpu", "wasm"] as const) {
  test.each([3, 4, 7, 10, 12])(`a grid of 7 becomes PyTorch's of %i (${engine})`, async (side) => {
    await useEngine(engine);
    const expected = golden[`to${side}`] as Tensor;
    const resized = resizePositions(table, 7, side);
    expect(resized.shape).toEqual(expected.shape);
    expect(largestDifference(await resized.data(), await expected.data())).toBeLessThan(1e-5);
  });
}

test("a table without a class token has only the grid", async () => {
  const grid = slice(table, [1, 0]);
  const resized = await resizePositions(grid, 7, 4).data();
  const expected = await slice(golden["to4"] as Tensor, [1, 0]).data();
  expect(largestDifference(resized, expected)).toBeLessThan(1e-5);
});

test("only the new table is left behind", async () => {
  expect(await tensorsLeftBy(() => resizePositions(table, 7, 3))).toBe(1);
});

test("a table too short for its grid is refused", () => {
  expect(() => resizePositions(table, 8, 4)).toThrow(/50 positions cannot hold a grid of 8 by 8/u);
});
