import { afterEach, expect, test, vi } from "vitest";
import { compileDots } from "../../scripts/build-wasm.mjs";
import { clusteredVectors } from "../fixtures/conformance/material.ts";
import { dotsWasm } from "../generated/dots-wasm.ts";
import { dotsByWasm } from "./dots-wasm.ts";
import { createScorer } from "./scores.ts";
import { emptyVectors, rowOf, setRow, type Dtype, type Vectors } from "./vectors.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** Rows as they are stored, and a query. */
function stored(dtype: Dtype, rows: number, dim: number): { vectors: Vectors; query: Float32Array } {
  const [query = new Float32Array(), ...others] = clusteredVectors(rows + 1, dim, rows + dim);
  const vectors = emptyVectors(dtype, dim, rows);
  for (const [row, values] of others.entries()) setRow(vectors, row, values);
  return { vectors, query };
}

/** In double precision, of the values that are stored. */
function expectedScores({ vectors, query }: ReturnType<typeof stored>, start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, at) => {
    const row = rowOf(vectors, start + at);
    return row.reduce((sum, value, index) => sum + value * (query[index] ?? 0), 0);
  });
}

const shapes = [
  [1, 1],
  [3, 2],
  [9, 7],
  [12, 8],
  [5, 31],
  [1500, 96],
  [7, 4099],
] as const;

test("rows of any width, anywhere among others, are scored as in double precision", () => {
  for (const dtype of ["f32", "int8"] as const) {
    for (const [rows, dim] of shapes) {
      const one = stored(dtype, rows, dim);
      const score = createScorer(one.query);
      for (const [start, end] of [
        [0, rows],
        [Math.floor(rows / 3), rows],
        [rows - 1, rows],
      ] as const) {
        const scores = new Float64Array(end - start + 1).fill(9);
        score(one.vectors, start, end, scores);
        for (const [at, expected] of expectedScores(one, start, end).entries()) {
          // Of int8 the query is rounded to 16 bits.
          expect(Math.abs((scores[at] ?? 9) - expected)).toBeLessThan(dtype === "f32" ? 1e-6 : 1e-4);
        }
        expect(scores.at(-1)).toBe(9);
      }
    }
  }
});

test("sums of the largest bytes fit", () => {
  for (const dim of [8, 513, 4096]) {
    const query = new Int16Array(dim).fill(Math.min(2 ** 15 - 1, Math.floor((2 ** 31 - 1) / (127 * dim))));
    const scores = new Float64Array(2);
    const values = new Int8Array(2 * dim).fill(127).fill(-127, dim);
    expect(dotsByWasm({ query, values }, 0, scores)).toBe(true);
    const sum = 127 * dim * (query[0] ?? 0);
    expect([...scores]).toEqual([sum, -sum]);
  }
});

function Forbidden(): never {
  throw new WebAssembly.CompileError("blocked by the page's security policy");
}

test.each([
  ["is missing", undefined],
  ["may not be compiled", { Module: Forbidden, Instance: Forbidden }],
])("where WebAssembly %s, JavaScript makes the same scores", async (_name, stub) => {
  const scoresBy = (make: typeof createScorer): Float64Array[] =>
    (["f32", "int8"] as const).map((dtype) => {
      const { vectors, query } = stored(dtype, 10, 67);
      const scores = new Float64Array(10);
      make(query)(vectors, 0, 10, scores);
      return scores;
    });
  const [floats, bytes] = scoresBy(createScorer);
  vi.stubGlobal("WebAssembly", stub);
  vi.resetModules();
  const [sameFloats, sameBytes] = scoresBy((await import("./scores.ts")).createScorer);
  expect(sameBytes).toEqual(bytes);
  for (const [row, score] of (floats ?? []).entries()) expect(sameFloats?.[row]).toBeCloseTo(score, 6);
});

test("a row too wide for WebAssembly's memory is scored by JavaScript", () => {
  const one = stored("f32", 3, 20_000);
  const scores = new Float64Array(3);
  expect(dotsByWasm({ query: one.query, values: new Float32Array(60_000) }, 0, scores)).toBe(false);
  createScorer(one.query)(one.vectors, 0, 3, scores);
  for (const [row, expected] of expectedScores(one, 0, 3).entries()) expect(scores[row]).toBeCloseTo(expected, 6);
});

test("the module in the package is what its source compiles to", { timeout: 60_000 }, async (context) => {
  const compiler = await import("assemblyscript/asc").catch(() => undefined);
  context.skip(compiler === undefined, "assemblyscript is not installed: the module's source was not compiled");
  expect(await compileDots()).toBe(dotsWasm);
  expect(atob(dotsWasm).length).toBeLessThan(4096); // browsers compile so small a one on the main thread
});
