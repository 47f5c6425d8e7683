import { square, sum, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { formatGraph, trace } from "@clip-ts/jit";
import { removeDeadCode } from "@clip-ts/jit/backend";
import { fuseSumsOfSquares } from "./lower-reductions.ts";

test("a sum of all squares becomes one operation; a sum over some axes stays", () => {
  const graph = trace(({ x }) => ({ all: sum(square(x as Tensor)), rows: sum(square(x as Tensor), 1) }), {
    x: { shape: [2, 3] },
  });
  expect(formatGraph(removeDeadCode(graph))).toMatchInlineSnapshot(`
    "%0[2,3] = input x
    %1[2,3] = Square %0
    %2[] = Sum %1 keepDims=false
    %3[2,3] = Square %0
    %4[2] = Sum %3 axis=1 keepDims=false
    output all = %2
    output rows = %4"
  `);
  expect(formatGraph(removeDeadCode(fuseSumsOfSquares(graph)))).toMatchInlineSnapshot(`
    "%0[2,3] = input x
    %5[] = SumOfSquares %0
    %3[2,3] = Square %0
    %4[2] = Sum %3 axis=1 keepDims=false
    output all = %5
    output rows = %4"
  `);
});
