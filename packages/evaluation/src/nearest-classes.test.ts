import { tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { nearestClasses } from "./class-rows.ts";

afterAll(() => useEngine("cpu"));

test.each(["cpu", "wasm"] as const)("the class of the highest score wins on %s", async (engine) => {
  await useEngine(engine);
  const rows = { values: Float32Array.of(1, 0, 0, 1, -1, -1, -2, 1), rows: 4, dim: 2 };
  const classes = { values: Float32Array.of(1, 0, 0, 1, 0.5, 0.5), rows: 3, dim: 2 };
  const left = await tensorsLeftBy(async () => {
    const nearest = await nearestClasses(rows, classes);
    expect(Array.from(nearest)).toEqual([0, 1, 0, 1]); // below 0 too; the first of equals
  });
  expect(left).toBe(0);
});
