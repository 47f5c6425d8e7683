import { add, matMul, mul, relu, reshape, sum, tanh, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import type { Graph } from "../ir/graph.ts";
import { interpret } from "../ir/interpret.ts";
import { operationOf } from "../ir/ops.ts";
import { trace } from "../trace/trace.ts";
import { cutGraph, splitGraph } from "./cut-graph.ts";
import { optimize } from "./optimize.ts";

const shape = [2, 2];
const values = (start: number): Tensor => tensor([start, 2, -3, 4], [2, 2]);

/** Two layers, and what would be their gradients: `b` is there first, `a` reads what it needs of both. */
const graph = optimize(
  trace(
    ({ x, a, b, late }) => {
      const hidden = tanh(matMul(x!, a!));
      const out = relu(matMul(hidden, b!));
      const back = mul(out, late!);
      const ofB = matMul(hidden, back, true, false);
      const ofHidden = mul(matMul(back, b!, false, true), hidden);
      return { out, flat: reshape(out, [-1]), ofB, ofA: matMul(x!, ofHidden, true, false), total: sum(add(ofB, x!)) };
    },
    { x: { shape }, a: { shape }, b: { shape }, late: { shape } },
  ),
);
const inputs = { x: values(1), a: values(-0.5), b: values(0.25), late: values(7) };

const numbersOf = async (tensors: Readonly<Record<string, Tensor>>): Promise<Record<string, number[]>> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(tensors).map(async ([name, x]) => [name, [...(await x.data())]] as [string, number[]]),
    ),
  );

/** Runs graphs one after the other; each is given what it asks for and nothing else. */
async function runAll(graphs: readonly Graph[]): Promise<Record<string, number[]>> {
  const known: Record<string, Tensor> = { ...inputs };
  for (const each of graphs) {
    const given = Object.fromEntries(each.inputs.map(({ name }) => [name, known[name]!]));
    Object.assign(known, interpret(each, given));
  }
  const wanted = graph.outputs.map(({ name }) => [name, known[name]!] as const);
  return numbersOf(Object.fromEntries(wanted));
}

/** Operations that compute something. */
const operations = (graphs: readonly Graph[]): string[] =>
  graphs
    .flatMap(({ nodes }) => nodes)
    .filter(({ op, inputs: read }) => read.length > 0 && operationOf(op).traits.isView !== true)
    .map(({ op }) => op)
    .toSorted();

test("what does not wait for late inputs runs before them; every operation runs once", async () => {
  const { early, late, kept } = cutGraph(
    graph,
    (name) => name === "late",
    (index) => `kept ${index}`,
  );
  expect(early.inputs.map(({ name }) => name)).toEqual(["x", "a", "b"]);
  expect(early.outputs.map(({ name }) => name).slice(0, 2)).toEqual(["out", "flat"]);
  expect(kept.length).toBeGreaterThan(0);
  expect(operations([early, late])).toEqual(operations([graph]));
  expect(await runAll([early, late])).toEqual(await runAll([graph]));
});

test("a graph gives groups of outputs one after the other, each without what only later ones need", async () => {
  const pieces = splitGraph(graph, [["ofB"], ["ofA"], ["total"]], (piece, index) => `passed ${piece} ${index}`);
  const gives = pieces.map(({ outputs }) =>
    outputs.map(({ name }) => name).filter((name) => !name.startsWith("passed")),
  );
  expect(gives[0]).toContain("ofB");
  expect(gives[1]).toEqual(["ofA"]);
  expect(gives[2]).toEqual(["flat", "total"]); // one that no group has comes last
  expect(pieces[0]!.nodes.map(({ outputs }) => outputs[0]!.id)).not.toContain(
    graph.outputs.find(({ name }) => name === "ofA")!.value.id,
  );
  expect(operations(pieces)).toEqual(operations([graph]));
  expect(await runAll(pieces)).toEqual(await runAll([graph]));
  for (const { inputs: asked, nodes } of pieces) {
    const read = new Set(nodes.flatMap((node) => node.inputs.map(({ id }) => id)));
    expect(asked.every(({ value }) => read.has(value.id))).toBe(true);
  }
});

test("one group, or none, leaves the graph whole", () => {
  for (const groups of [[], [["ofA"]]]) {
    const [whole, ...others] = splitGraph(graph, groups, String);
    expect(others).toEqual([]);
    expect(whole!.nodes).toEqual(graph.nodes);
  }
});
