import { add, exp, reshape, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { formatGraph } from "../ir/graph.ts";
import { trace } from "../trace/trace.ts";
import { lastUses, peakBytes } from "./liveness.ts";
import { optimize } from "./optimize.ts";

const graph = optimize(
  trace(
    ({ x }) => {
      const a = exp(x as Tensor);
      const b = reshape(a, [20]);
      return { y: reshape(add(exp(b), b), [4, 5]) };
    },
    { x: { shape: [4, 5] } },
  ),
);

test("memory lives until the last operation that reads it or a reshape of it, an output's to the end", () => {
  expect(formatGraph(graph)).toMatchInlineSnapshot(`
    "%0[4,5] = input x
    %1[4,5] = Exp %0
    %2[20] = Reshape %1 shape=[20]
    %3[20] = Exp %2
    %4[20] = Add %3 %2
    %5[4,5] = Reshape %4 shape=[4,5]
    output y = %5"
  `);
  const ids = graph.nodes.flatMap(({ outputs }) => outputs.map(({ id }) => id));
  const last = lastUses(graph);
  expect(ids.map((id) => last.get(id))).toEqual([3, 3, 3, 5, 5]);
});

test("the peak counts inputs, what is alive together, and views of one memory once", () => {
  // x, then exp(x) (which b views), exp(b) and their sum: four times 20 floats.
  expect(peakBytes(graph)).toBe(4 * 20 * 4);
});
