import { add, dispose, div, fill, matMul, mul, range, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { formatGraph } from "../ir/graph.ts";
import { interpret } from "../ir/interpret.ts";
import { trace } from "../trace/trace.ts";
import { foldConstants } from "./fold.ts";
import { removeDeadCode } from "./liveness.ts";
import { shareCommonSubexpressions } from "./remove-redundant.ts";
import { simplifyArithmetic } from "./simplify-arithmetic.ts";

test("a product with 0 stays, because 0 · ∞ is no number", () => {
  const graph = trace(({ x }) => ({ y: mul(x!, 0) }), { x: { shape: [2] } });
  expect(simplifyArithmetic(graph)).toBe(graph);
  const x = tensor([Infinity, 1]);
  const results = interpret(simplifyArithmetic(graph), { x });
  expect([...results["y"]!.dataSync()]).toEqual([NaN, 0]);
  dispose([results, x] as never);
});

test("a constant that would be large stays an operation", () => {
  const graph = trace(() => ({ y: range(0, 100_000, 1) }), {});
  expect(foldConstants(graph)).toBe(graph);
});

test("signed zeros stay two constants", () => {
  const graph = trace(({ x }) => ({ y: div(x!, fill([], 0)), z: div(x!, fill([], -0)) }), {
    x: { shape: [] },
  });
  const one = tensor(1);
  const results = interpret(shareCommonSubexpressions(graph), { x: one });
  expect([results["y"]!.dataSync()[0], results["z"]!.dataSync()[0]]).toEqual([Infinity, -Infinity]);
  dispose([results, one] as never);
});

test("constants are one however large they are, but weights that have names", () => {
  const mask = (): Tensor =>
    tensor(
      Float32Array.from({ length: 77 * 77 }, (_, at) => at % 5),
      [77, 77],
    );
  const graph = trace(({ x }) => ({ y: matMul(x!, mask()), z: matMul(x!, mask()) }), { x: { shape: [2, 77] } });
  const shared = removeDeadCode(shareCommonSubexpressions(graph));
  expect([graph.constants.length, shared.constants.length, shared.nodes.length]).toEqual([2, 1, 1]);
  const named = { ...graph, constants: graph.constants.map((one, at) => ({ ...one, name: `weight ${at}` })) };
  expect(shareCommonSubexpressions(named).constants).toHaveLength(2);
});

test("what no output needs goes, inputs stay", () => {
  const graph = trace(
    ({ x }) => {
      mul(x!, tensor([1, 2, 3]));
      return { y: add(x!, 1) };
    },
    { x: { shape: [2, 3] }, w: { shape: [4, 3] } },
  );
  const text = `${formatGraph(graph)}\n=>\n${formatGraph(removeDeadCode(graph))}`;
  expect(text).toMatchInlineSnapshot(`
    "%0[2,3] = input x
    %1[4,3] = input w
    %2[3] = constant 1,2,3
    %3[2,3] = Multiply %0 %2
    %4[] = Fill value=1
    %5[2,3] = Add %0 %4
    output y = %5
    =>
    %0[2,3] = input x
    %1[4,3] = input w
    %4[] = Fill value=1
    %5[2,3] = Add %0 %4
    output y = %5"
  `);
  expect(removeDeadCode(removeDeadCode(graph))).toEqual(removeDeadCode(graph));
});
