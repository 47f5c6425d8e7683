import { scalar } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { keepWithin } from "./leaf-updates.ts";

const max = Math.log(100);

test.each([
  { from: 2, to: -0.5, kept: 0 },
  { from: 1, to: 2, kept: 2 },
  { from: 2, to: 5, kept: max },
  { from: 4.7743, to: 4.7744, kept: 4.7743 },
  { from: 4.7743, to: 4.7, kept: 4.7 },
  { from: 4.7743, to: 4.5, kept: 4.5 },
  { from: 4.5, to: 4.7, kept: max },
  { from: -0.5, to: -0.6, kept: -0.5 },
  { from: -0.5, to: -0.4, kept: -0.4 },
  { from: 0.1, to: -0.4, kept: 0 },
])("from $from, a step to $to is kept at $kept", async ({ from, to, kept }) => {
  const bounded = await keepWithin(scalar(to), scalar(from), { min: 0, max }).data();
  expect(bounded[0]).toBeCloseTo(kept, 6);
});
