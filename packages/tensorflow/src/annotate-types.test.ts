import { add, matMul, mul, relu, reshape, transpose, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { type NamedTensors, trace } from "@clip-ts/jit";
import { emitGraph } from "./emit-graph.ts";
import { createGraphBuilder } from "./graph-builder.ts";

const inputs = { x: { shape: [32, 32] }, w: { shape: [32, 32] }, b: { shape: [32] } };

/** The operations written for a function of x, w and b in bf16, in order. */
function operations(run: (given: Readonly<Record<"x" | "w" | "b", Tensor>>) => Tensor): string[] {
  const graph = trace((given: NamedTensors) => ({ y: run(given as never) }), inputs);
  const builder = createGraphBuilder({ precision: "bf16" });
  const names = new Map(Object.keys(inputs).map((name) => [name, { wide: name }]));
  emitGraph(graph, { builder, inputs: names, wanted: graph.outputs.map(({ value }) => value) });
  return builder.nodes.map(({ op }) => op).filter((op) => op !== "Const");
}

const layer = ({ x, w, b }: Readonly<Record<"x" | "w" | "b", Tensor>>): Tensor => add(matMul(x, w), b);

test("what a matmul gives stays rounded through layouts and powers of two to the next matmul", () => {
  const chain = operations(({ x, w }) => {
    const heads = transpose(reshape(matMul(x, w), [2, 16, 4, 8]), [0, 2, 1, 3]);
    return matMul(mul(heads, 0.125), transpose(heads, [0, 1, 3, 2]));
  });
  expect(chain.join(" ")).toMatchInlineSnapshot(
    `"Cast Cast MatMul Reshape Transpose Cast Mul Transpose BatchMatMulV2 Cast"`,
  );
});

test("a bias, another factor or an activation has 32 bits", () => {
  const halves = operations((given) => mul(layer(given), 0.3));
  expect(halves.join(" ")).toMatchInlineSnapshot(`"Cast Cast MatMul Cast BiasAdd Mul"`);
  const activated = operations((given) => matMul(relu(layer(given)), given.w));
  expect(activated.join(" ")).toMatchInlineSnapshot(`"Cast Cast MatMul Cast BiasAdd Relu Cast MatMul Cast"`);
  const biased = operations((given) => matMul(layer(given), given.w));
  expect(biased.join(" ")).toMatchInlineSnapshot(`"Cast Cast MatMul Cast BiasAdd Cast MatMul Cast"`);
});

test("a matmul of few rows is computed in 32 bits", () => {
  const few = operations(({ x, w, b }) => {
    const one = matMul(reshape(b, [1, 32]), w);
    return add(matMul(x, w), one);
  });
  expect(few.join(" ")).toMatchInlineSnapshot(`"Reshape MatMul Cast Cast MatMul Cast AddV2"`);
});
