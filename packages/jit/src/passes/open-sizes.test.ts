import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { bindInputs } from "../ir/interpret.ts";
import { formatGraph } from "../ir/graph.ts";
import { trace } from "../trace/trace.ts";
import { traceSymbolic } from "../trace/trace-symbolic.ts";
import { foldConstants } from "./fold.ts";
import { removeDeadCode } from "./liveness.ts";

test("what depends on an open size is not folded, the rest is", () => {
  const graph = traceSymbolic(
    ({ x }) => {
      const places = tf.range(0, x!.shape[0]!);
      const ones = tf.sum(tf.fill(x!.shape, 1)); // as many as x has: known only when it runs
      return { y: tf.add(tf.add(x!, tf.mul(places, ones)), tf.add(tf.scalar(2), tf.scalar(3))) };
    },
    { x: { shape: ["batch"] } },
  );
  expect(formatGraph(graph)).toMatchInlineSnapshot(`
    "%0[batch] = input x
    %1[batch] = Range start=0 stop=1021 step=1 dtype="float32"
    %2[batch] = Fill shape=[1021] value=1 dtype="float32"
    %3[] = Sum %2 keepDims=false
    %4[batch] = Multiply %1 %3
    %5[batch] = Add %0 %4
    %6[] = Fill value=2
    %7[] = Fill value=3
    %8[] = Add %6 %7
    %9[batch] = Add %5 %8
    output y = %9"
  `);
  expect(formatGraph(removeDeadCode(foldConstants(graph)))).toMatchInlineSnapshot(`
    "%0[batch] = input x
    %1[batch] = Range start=0 stop=1021 step=1 dtype="float32"
    %2[batch] = Fill shape=[1021] value=1 dtype="float32"
    %3[] = Sum %2 keepDims=false
    %4[batch] = Multiply %1 %3
    %5[batch] = Add %0 %4
    %10[] = Fill value=5
    %9[batch] = Add %5 %10
    output y = %9"
  `);
});

test("a parameter in another shape is the same memory under the same name", () => {
  const graph = trace(({ x, kernel }) => ({ y: tf.matMul(x!, tf.reshape(kernel!, [4, 200 * 50])) }), {
    x: { shape: [2, 4] },
    kernel: { shape: [4, 200, 50] },
  });
  const data = new Float32Array(40_000).fill(0.5);
  const bound = bindInputs(graph, { kernel: { data, shape: [4, 200, 50] } });
  expect(bound.inputs.map(({ name }) => name)).toEqual(["x"]);
  const folded = removeDeadCode(foldConstants(bound));
  expect(folded.nodes.map(({ op }) => op)).toEqual(["BatchMatMul"]);
  const [constant] = folded.constants;
  expect([constant?.name, constant?.value.shape]).toEqual(["kernel", [4, 10_000]]);
  expect(constant?.data).toBe(data);
});
