import fc from "fast-check";
import { expect, test } from "vitest";
import { clusteredVectors, indexRows, unit } from "./fixtures/conformance/material.ts";
import { openFlatIndex } from "./flat/flat-index.ts";
import { nearDuplicates } from "./near-duplicates.ts";
import type { VectorIndex } from "./vector-index.ts";

/** A direction in the plane, in degrees. */
const direction = (degrees: number): Float32Array =>
  unit([Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]);
const cosineOf = (degrees: number): number => Math.cos((degrees * Math.PI) / 180);

async function indexOf(vectors: Readonly<Record<string, Float32Array>>, dim: number): Promise<VectorIndex> {
  const index = await openFlatIndex({ dim, fields: {} });
  await index.add(
    indexRows(
      Object.entries(vectors).map(([id, vector]) => ({ id, vector })),
      dim,
    ),
  );
  return index;
}

test("rows are joined that are like one of their group, not like all of it", async () => {
  const degrees = { b: 0, d: 8, a: 16, c: 90, f: 97, e: 180, g: -60 };
  const index = await indexOf(
    Object.fromEntries(Object.entries(degrees).map(([id, angle]) => [id, direction(angle)])),
    2,
  );
  const groups = await nearDuplicates(index, { similarity: cosineOf(9) });
  expect(groups.map(({ ids }) => ids)).toEqual([
    ["a", "b", "d"],
    ["c", "f"],
  ]);
  expect(groups[0]?.similarity).toBeCloseTo(cosineOf(8), 6);
  expect(groups[1]?.similarity).toBeCloseTo(cosineOf(7), 6);
  expect(await nearDuplicates(index, { similarity: 0.9999 })).toEqual([]);
});

test("copies are found at 1, and progress ends with all rows", async () => {
  const vectors = clusteredVectors(150, 33, 1);
  const rows = vectors.flatMap((vector, at) => [
    [`r${at}`, vector],
    ...(at % 50 === 0 ? [[`copy of r${at}`, vector]] : []),
  ]) as [string, Float32Array][];
  const index = await indexOf(Object.fromEntries(rows), 33);
  const heard: number[] = [];
  const groups = await nearDuplicates(index, { similarity: 1, onProgress: (done) => heard.push(done) });
  expect(groups).toEqual(
    [0, 100, 50].map((at) => ({ ids: [`copy of r${at}`, `r${at}`], similarity: expect.closeTo(1, 5) as number })),
  );
  expect(heard).toEqual([64, 128, 153]);
});

test("the groups are those of a search from row to row, for any rows", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 200 }),
      fc.integer(),
      fc.double({ min: 0.3, max: 0.99, noNaN: true }),
      async (rows, seed, similarity) => {
        const vectors = clusteredVectors(rows, 6, seed);
        const index = await indexOf(Object.fromEntries(vectors.map((vector, at) => [`r${at}`, vector])), 6);
        const isLike = (a: Float32Array, b: Float32Array): boolean => {
          let sum = 0;
          for (const [at, value] of a.entries()) sum += value * (b[at] ?? 0);
          return sum >= similarity;
        };
        const left = new Set(vectors.keys());
        const expected: string[][] = [];
        for (const start of vectors.keys()) {
          if (!left.delete(start)) continue;
          const group = [start];
          for (const row of group) {
            for (const other of left) {
              if (isLike(vectors[row] ?? unit([1]), vectors[other] ?? unit([1])) && left.delete(other))
                group.push(other);
            }
          }
          if (group.length > 1) expected.push(group.map((row) => `r${row}`).toSorted());
        }
        const found = await nearDuplicates(index, { similarity });
        expect(new Set(found.map(({ ids }) => ids.join(" ")))).toEqual(new Set(expected.map((ids) => ids.join(" "))));
        expect(found.map(({ ids }) => ids.length)).toEqual(
          expected.map(({ length }) => length).toSorted((a, b) => b - a),
        );
      },
    ),
    { numRuns: 40 },
  );
});

test("no similarity but a cosine above 0 is taken", async () => {
  const index = await indexOf({}, 2);
  for (const similarity of [0, -1, 1.01, Number.NaN]) {
    await expect(nearDuplicates(index, { similarity })).rejects.toMatchObject({ code: "bad-argument" });
  }
  expect(await nearDuplicates(index, { similarity: 0.5 })).toEqual([]);
});
