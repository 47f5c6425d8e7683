import { layerNorm } from "@clip-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { formatGraph, type NamedTensors, trace } from "@clip-ts/jit";
import { removeDeadCode } from "@clip-ts/jit/backend";
import { fuseBiases, fuseLayerNorms } from "./fuse.ts";

test("a layer norm becomes one operation", () => {
  const run = ({ x, weight, bias }: NamedTensors): NamedTensors => ({
    y: layerNorm({ weight: weight!, bias: bias! }, x!, 1e-3),
  });
  const row = { shape: [8] };
  const graph = trace(run, { x: { shape: [2, 3, 8] }, weight: row, bias: row });
  expect(formatGraph(graph)).toMatchInlineSnapshot(`
    "%0[2,3,8] = input x
    %1[8] = input weight
    %2[8] = input bias
    %3[2,3,1] = Mean %0 axis=-1 keepDims=true
    %4[2,3,8] = Sub %0 %3
    %5[2,3,8] = Square %4
    %6[2,3,1] = Mean %5 axis=-1 keepDims=true
    %7[] = Fill value=0.0010000000474974513
    %8[2,3,1] = Add %6 %7
    %9[2,3,1] = Rsqrt %8
    %10[2,3,8] = Multiply %4 %9
    %11[2,3,8] = Multiply %10 %1
    %12[2,3,8] = Add %11 %2
    output y = %12"
  `);
  expect(formatGraph(removeDeadCode(fuseLayerNorms(graph)))).toMatchInlineSnapshot(`
    "%0[2,3,8] = input x
    %1[8] = input weight
    %2[8] = input bias
    %13[2,3,8] = LayerNorm %0 %1 %2 epsilon=0.0010000000474974513
    output y = %13"
  `);
});

test("what only looks like a layer norm stays", () => {
  const norm =
    (change: (x: tf.Tensor) => tf.Tensor) =>
    ({ x, weight }: NamedTensors): NamedTensors => {
      const centred = tf.sub(x!, tf.mean(change(x!), -1, true));
      const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5));
      return { y: tf.add(tf.mul(tf.mul(centred, scale), weight!), weight!) };
    };
  const inputs = { x: { shape: [2, 8] }, weight: { shape: [8] } };
  const fused = (run: (given: NamedTensors) => NamedTensors): boolean =>
    formatGraph(fuseLayerNorms(trace(run, inputs))).includes("LayerNorm");
  expect(fused(norm((x) => x))).toBe(true);
  expect(fused(norm((x) => tf.abs(x)))).toBe(false);
});

test("a matmul takes the bias that is added to it, unless others read it too", () => {
  const inputs = { x: { shape: [4, 3] }, weight: { shape: [5, 3] }, bias: { shape: [5] } };
  const alone = trace(({ x, weight, bias }) => ({ y: tf.add(tf.matMul(x!, weight!, false, true), bias!) }), inputs);
  expect(formatGraph(alone)).toMatchInlineSnapshot(`
    "%0[4,3] = input x
    %1[5,3] = input weight
    %2[5] = input bias
    %3[4,5] = BatchMatMul %0 %1 transposeA=false transposeB=true
    %4[4,5] = Add %3 %2
    output y = %4"
  `);
  expect(formatGraph(removeDeadCode(fuseBiases(alone)))).toMatchInlineSnapshot(`
    "%0[4,3] = input x
    %1[5,3] = input weight
    %2[5] = input bias
    %5[4,5] = BatchMatMul %0 %1 %2 transposeA=false transposeB=true
    output y = %5"
  `);
  const shared = trace(({ x, weight, bias }) => {
    const matmul = tf.matMul(x!, weight!, false, true);
    return { matmul, y: tf.add(matmul, bias!) };
  }, inputs);
  expect(fuseBiases(shared)).toBe(shared);
});
