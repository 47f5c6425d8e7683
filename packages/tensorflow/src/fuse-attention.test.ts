import { relativeError, randomTensor } from "@clip-ts/test-utils";
import { add, dispose, matMul, mul, reshape, softmax, sum, transpose, type Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { formatGraph, interpret, type NamedTensors, optimize, trace } from "@clip-ts/jit";
import { removeDeadCode } from "@clip-ts/jit/backend";
import { compileTensorflow } from "./tensorflow-module.ts";
import { fuseAttention } from "./fuse-attention.ts";
import { folders, hasOwnGemm } from "./tensorflow-here.test.ts";

const [batch, tokens, heads, dim] = [2, 70, 3, 8];
const width = heads * dim;

const split = (x: Tensor): Tensor => transpose(reshape(x, [batch, tokens, heads, dim]), [0, 2, 1, 3]);

/** Attention to all tokens, as the towers write it. */
function attend(given: NamedTensors): NamedTensors {
  const { x, mask, ...layers } = given as Record<string, Tensor>;
  const [q, k, v] = ["q", "k", "v"].map((name) => {
    const y = matMul(x as Tensor, layers[`${name}.weight`] as Tensor, false, true);
    const { [`${name}.bias`]: bias } = layers;
    return split(bias === undefined ? y : add(y, bias));
  }) as [Tensor, Tensor, Tensor];
  const scores = matMul(mul(q, dim ** -0.5), k, false, true);
  const weights = softmax(mask === undefined ? scores : add(scores, mask));
  const y = reshape(transpose(matMul(weights, v), [0, 2, 1, 3]), [batch * tokens, width]);
  return { y, sum: sum(y) };
}

const withoutBias = {
  x: [batch * tokens, width],
  "q.weight": [width, width],
  "k.weight": [width, width],
  "v.weight": [width, width],
};
const withBias = { ...withoutBias, "q.bias": [width], "k.bias": [width], "v.bias": [width] };
const shapes = {
  bare: withoutBias,
  "with biases": withBias,
  causal: { ...withBias, mask: [tokens, tokens] },
  padded: { ...withBias, mask: [batch, 1, 1, tokens] },
};

const inputsOf = (of: Record<string, number[]>) =>
  Object.fromEntries(Object.entries(of).map(([name, shape]) => [name, { shape }]));

const operationsOf = (text: string): string[] =>
  text.split("\n").flatMap((line) => / = ([A-Z]\w+)/u.exec(line)?.[1] ?? []);

test("attention with its heads and biases becomes one operation", () => {
  const graph = optimize(trace(attend, inputsOf(shapes.causal)));
  expect(operationsOf(formatGraph(removeDeadCode(graph))).join(" ")).toMatchInlineSnapshot(
    `"BatchMatMul Add Reshape Transpose BatchMatMul Add Reshape Transpose BatchMatMul Add Reshape Transpose Fill Multiply BatchMatMul Add Softmax BatchMatMul Transpose Reshape Sum"`,
  );
  const fused = removeDeadCode(fuseAttention(graph, []));
  expect(operationsOf(formatGraph(fused)).join(" ")).toMatchInlineSnapshot(
    `"BatchMatMul BatchMatMul BatchMatMul Reshape Reshape Reshape Attention Reshape Sum"`,
  );
});

test("weights that somebody else reads stay, and so does a mask of heads", () => {
  const watched = optimize(
    trace(
      (given: NamedTensors) => {
        const { q, k, v } = given as Record<string, Tensor>;
        const weights = softmax(matMul(split(q!), split(k!), false, true));
        return { y: transpose(matMul(weights, split(v!)), [0, 2, 1, 3]), largest: sum(weights) };
      },
      inputsOf({
        q: [batch * tokens, width],
        k: [batch * tokens, width],
        v: [batch * tokens, width],
      }),
    ),
  );
  expect(fuseAttention(watched, [])).toBe(watched);
  const byHead = optimize(trace(attend, inputsOf({ ...withBias, mask: [1, heads, 1, tokens] })));
  expect(fuseAttention(byHead, [])).toBe(byHead);
});

describe.skipIf(!hasOwnGemm)("attention as one operation of the native part", () => {
  test.each(Object.entries(shapes))("%s", async (_, of) => {
    const drawn = Object.entries(of).map(([name, shape]) => [name, randomTensor(shape, name)]);
    const inputs = Object.fromEntries(drawn) as Record<string, Tensor>;
    const graph = optimize(trace(attend, inputsOf(of)));
    const ready = { folders, hasOwnOperations: true, hasOwnGemm: true };
    const compiled = await compileTensorflow(graph, ready);
    const host = Object.entries(inputs).map(async ([name, x]) => {
      return [name, { data: (await x.data()) as Float32Array, shape: x.shape }] as const;
    });
    const actual = await compiled.run(Object.fromEntries(await Promise.all(host)));
    await compiled.dispose();
    const expected = interpret(graph, inputs)["y"] as Tensor;
    const { data, shape } = actual["y"]!;
    expect(shape).toEqual(expected.shape);
    const wanted = (await expected.data()) as Float32Array;
    expect(relativeError(data as Float32Array, wanted, 1e-2)).toBeLessThan(2e-5);
    dispose([inputs, expected]);
  });
});
