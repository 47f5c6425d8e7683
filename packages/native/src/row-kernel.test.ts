import { expect, test } from "vitest";
import { compileHere } from "./compile-here.test.ts";
import { rowCodes } from "./constants.ts";

/** Two matrices, a number a row and repeated rows go in; a matrix, numbers a row and column sums come out. */
const doorway = `
#include "row_kernel.h"
using namespace clip_ts;
extern "C" int run_rows(const int* words, int count, int columns, int rows, const uint16_t* rounded,
                        const float* x, const float* column, float* y, float* numbers, float* sums) {
  RowKernel kernel;
  kernel.numbers = {2.0f};
  kernel.inputs = 3;
  kernel.vectors = 2;
  kernel.scalars = 1;
  kernel.columns = columns;
  if (!kernel.SetCode(std::vector<int>(words, words + count))) return 1;
  Arrays arrays;
  arrays.inputs = {{x, false, true, rows}, {rounded, true, true, 2}, {column, false, false, rows}};
  arrays.outputs = {{y, false, 0}, {numbers, false, 0}, {sums, false, 0}};
  RunRows(kernel, arrays, {0, rows}, sums);
  return 0;
}
extern "C" int is_done_with(const int* words, int count, int input, int output) {
  RowKernel kernel;
  kernel.inputs = 2;
  kernel.vectors = 1;
  return kernel.SetCode(std::vector<int>(words, words + count)) && kernel.IsDoneWith(input, output);
}`;

type RunRows = (...given: (number | Int32Array | Float32Array | Uint16Array)[]) => number;

const array = "void *";
const parameters = [array, "int", "int", "int", ...Array.from({ length: 6 }, () => array)];
const library = compileHere(doorway, ["row_kernel.cc"]);
const run = library?.func("run_rows", "int", parameters) as RunRows | undefined;

const [rows, columns] = [6, 40];
const x = Float32Array.from({ length: rows * columns }, (_, at) => Math.sin(at + 0.5) * 3);
/** Two rows of bfloat16: 1 and 2, which it can hold. */
const rounded = Uint16Array.from({ length: 2 * columns }, (_, at) => (at % 3 === 0 ? 0x3f80 : 0x4000));
const column = Float32Array.from({ length: rows }, (_, row) => row + 1);
const [X, ROUNDED, COLUMN, TWO, V, W, S] = [0, 1, 2, 3, 4, 5, 6];

/** What a kernel makes of them. */
function resultsOf(...code: number[][]): {
  y: Float32Array;
  numbers: Float32Array;
  sums: Float32Array;
} {
  const y = new Float32Array(rows * columns);
  const [numbers, sums] = [new Float32Array(rows), new Float32Array(columns)];
  const words = Int32Array.from(code.flat());
  const failed = run?.(words, words.length, columns, rows, rounded, x, column, y, numbers, sums);
  expect(failed).toBe(0);
  return { y, numbers, sums };
}

const store = (output: number, slot: number): number[] => [rowCodes.Store, output, slot, slot];

test.skipIf(run === undefined).each([
  ["add", rowCodes.Add, (a: number, b: number) => a + b],
  ["subtract", rowCodes.Sub, (a: number, b: number) => a - b],
  ["multiply", rowCodes.Multiply, (a: number, b: number) => a * b],
  ["divide", rowCodes.RealDiv, (a: number, b: number) => a / b],
  ["maximum", rowCodes.Maximum, Math.max],
  ["minimum", rowCodes.Minimum, Math.min],
  ["squared difference", rowCodes.SquaredDifference, (a: number, b: number) => (a - b) ** 2],
] as const)("%s of matrices, bfloat16 rows that repeat, and numbers", (_, code, expected) => {
  const { y } = resultsOf([code, V, X, ROUNDED], [code, W, V, COLUMN], [code, V, W, TWO], store(0, V));
  y.forEach((value, at) => {
    const row = Math.floor(at / columns);
    const other = ((row % 2) * columns + (at % columns)) % 3 === 0 ? 1 : 2;
    const first = expected(expected(x[at] as number, other), row + 1);
    const wanted = expected(first, 2);
    expect(Math.abs(value - wanted)).toBeLessThan(1e-5 * (1 + Math.abs(wanted)));
  });
});

test.skipIf(run === undefined).each([
  ["negate", rowCodes.Neg, (a: number) => -a],
  ["exp", rowCodes.Exp, Math.exp],
  ["square", rowCodes.Square, (a: number) => a * a],
  ["sigmoid", rowCodes.Sigmoid, (a: number) => 1 / (1 + Math.exp(-a))],
  ["reciprocal", rowCodes.Reciprocal, (a: number) => 1 / a],
  ["relu", rowCodes.Relu, (a: number) => Math.max(a, 0)],
] as const)("%s of each element", (_, code, expected) => {
  const { y } = resultsOf([code, V, X, X], store(0, V));
  y.forEach((value, at) => {
    const wanted = expected(x[at] as number);
    expect(Math.abs(value - wanted)).toBeLessThan(1e-6 * (1 + Math.abs(wanted)));
  });
});

test.skipIf(run === undefined)("reductions over rows and sums over columns", () => {
  const rowOf = (row: number): number[] => Array.from(x.subarray(row * columns, (row + 1) * columns));
  const total = (row: number[]): number => row.reduce((sum, value) => sum + value, 0);
  for (const [code, expected] of [
    [rowCodes.Sum, total],
    [rowCodes.Mean, (row: number[]) => total(row) / columns],
    [rowCodes.Max, (row: number[]) => Math.max(...row)],
  ] as const) {
    const { numbers, sums } = resultsOf([code, S, X, X], store(1, S), [rowCodes.AddToColumns, 2, X, X]);
    numbers.forEach((value, row) => expect(value).toBeCloseTo(expected(rowOf(row)), 4));
    sums.forEach((value, at) => {
      const wanted = total(Array.from({ length: rows }, (_, row) => x[row * columns + at] as number));
      expect(value).toBeCloseTo(wanted, 4);
    });
  }
});

test.skipIf(run === undefined)("an instruction on a slot that is not there is refused", () => {
  const words = Int32Array.of(0, V, X, 7);
  const [y, numbers, sums] = [x.slice(), column.slice(), new Float32Array(columns)];
  expect(run?.(words, 4, columns, rows, rounded, x, column, y, numbers, sums)).toBe(1);
});

test.skipIf(run === undefined)("an output takes an input's place if that is not read any more", () => {
  const isDoneWith = library?.func("is_done_with", "int", [array, "int", "int", "int"]);
  const [a, b, vector] = [0, 1, 2];
  const code = [[rowCodes.Add, vector, a, b], store(0, vector), [rowCodes.Add, vector, vector, b], store(1, vector)];
  const words = Int32Array.from(code.flat());
  const of = (input: number, output: number): number => isDoneWith?.(words, words.length, input, output) as number;
  expect([of(a, 0), of(b, 0), of(a, 1), of(b, 1)]).toEqual([1, 0, 1, 1]);
});
