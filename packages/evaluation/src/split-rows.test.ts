import fc from "fast-check";
import { tensorsLeftBy } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { nearestClasses } from "./class-rows.ts";
import { splitRows } from "./probe-sweep.ts";

test("a split parts the rows, and every class keeps and holds out its share", () => {
  const labels = fc.array(fc.nat(4), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(labels, fc.integer(), (list, seed) => {
      const { kept, heldOut } = splitRows(list, { share: 0.2, seed });
      const all = [...kept, ...heldOut].toSorted((a, b) => a - b);
      expect(all).toEqual(list.map((_, row) => row));
      for (const label of new Set(list)) {
        const count = list.filter((other) => other === label).length;
        const out = heldOut.filter((row) => list[row] === label).length;
        expect(out).toBe(count < 2 ? 0 : Math.max(1, Math.round(count / 5)));
      }
      expect(splitRows(list, { share: 0.2, seed })).toEqual({ kept, heldOut });
    }),
  );
});

test("the nearest class has the highest dot product", async () => {
  const rows = { values: Float32Array.of(1, 0, 0, 1, 0.6, 0.8), rows: 3, dim: 2 };
  const classes = { values: Float32Array.of(0, 1, 1, 0), rows: 2, dim: 2 };
  const left = await tensorsLeftBy(async () => {
    expect(Array.from(await nearestClasses(rows, classes))).toEqual([1, 0, 0]);
  });
  expect(left).toBe(0);
});
