import { tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { matchingAccuracy } from "./contrastive-loss.ts";

const accuracyOf = async (rows: readonly (readonly number[])[]): Promise<number> =>
  (await matchingAccuracy(tensor(rows.flat(), [rows.length, rows.length])).data())[0] as number;

test("is the share of rows that are largest on the diagonal", async () => {
  expect(await accuracyOf([[1]])).toBe(1);
  expect(
    await accuracyOf([
      [3, 1, 2],
      [5, 4, 1],
      [0, 0, 9],
    ]),
  ).toBeCloseTo(2 / 3, 6);
  expect(
    await accuracyOf([
      [0, 1],
      [1, 0],
    ]),
  ).toBe(0);
});
