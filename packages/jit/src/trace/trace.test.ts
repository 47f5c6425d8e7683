import { flattenTree, unflattenLike, valueAndGradient } from "@clip-ts/core";
import { clipSpec, forward, initClip, preset, type ClipParams } from "@clip-ts/model";
import { clipByGlobalNorm, createOptimizer } from "@clip-ts/optim";
import { largestDifference, randomTensor } from "@clip-ts/test-utils";
import {
  add,
  dispose,
  findBackendFactory,
  getBackend,
  mul,
  registerBackend,
  removeBackend,
  setBackend,
  tensor,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { formatGraph } from "../ir/graph.ts";
import { interpret } from "../ir/interpret.ts";
import { optimize } from "../passes/optimize.ts";
import { trace, type NamedTensors } from "./trace.ts";

test("a function becomes its operations, in order", () => {
  const graph = trace(({ x }) => ({ y: add(mul(x as Tensor, 2), tensor([1, 2])) }), {
    x: { shape: [3, 2] },
  });
  expect(formatGraph(graph)).toMatchInlineSnapshot(`
    "%0[3,2] = input x
    %3[2] = constant 1,2
    %1[] = Fill value=2
    %2[3,2] = Multiply %0 %1
    %4[3,2] = Add %2 %3
    output y = %4"
  `);
  expect(getBackend()).toBe("cpu");
});

test("a function of bytes sees them as the numbers that they are cast to", () => {
  const run = ({ x }: NamedTensors): NamedTensors => {
    expect(x!.dtype).toBe("float32");
    return { y: mul(x!, 2), same: x! };
  };
  const graph = optimize(trace(run, { x: { shape: [3], dtype: "uint8" } }));
  expect(formatGraph(graph)).toMatchInlineSnapshot(`
    "%0[3] uint8 = input x
    %1[3] = Cast %0 dtype="float32"
    %2[] = Fill value=2
    %3[3] = Multiply %1 %2
    output y = %3
    output same = %1"
  `);
  const bytes = tensor([0, 128, 255]);
  const { y } = interpret(graph, { x: bytes });
  expect(Array.from(y!.dataSync())).toEqual([0, 256, 510]);
  dispose([bytes, y!]);
});

test("no engine has to run, and none is started", async () => {
  const start = findBackendFactory("cpu");
  removeBackend("cpu");
  try {
    expect(getBackend() ?? "none").toBe("none");
    const traced = trace(({ x }) => ({ y: add(mul(x as Tensor, 2), tensor([1, 2])) }), {
      x: { shape: [3, 2] },
    });
    const scaled = optimize(traced);
    expect(scaled.nodes.map(({ op }) => op)).toEqual(["Fill", "Multiply", "Add"]);
    expect(getBackend() ?? "none").toBe("none");
    expect(() => add(tensor([1]), 1)).toThrow(/No backend found/u);
  } finally {
    registerBackend("cpu", start);
    await setBackend("cpu");
  }
});

test("reading a traced value says which operation made it and where it was read", () => {
  const read = (): unknown => trace(({ x }) => ({ y: tensor(mul(x as Tensor, 2).dataSync()) }), { x: { shape: [2] } });
  expect(read).toThrow(/made by Multiply\) were read.*trace\.test\.ts/s);
  expect(getBackend()).toBe("cpu");
});

test("a whole training step traces, and its graph computes what the step computes", async () => {
  const config = preset("nano");
  const spec = clipSpec(config);
  const params = flattenTree<Tensor>(initClip(config, 3));
  const optimizer = createOptimizer({ kind: "adamw" }, params);
  const slots = optimizer.init();
  const scalars = optimizer.scalars(0, 1e-3);
  const paths = Object.keys(params);
  const prefixed = (prefix: string, tree: Readonly<Record<string, Tensor>>): NamedTensors =>
    Object.fromEntries(Object.entries(tree).map(([path, leaf]) => [`${prefix}:${path}`, leaf]));
  const tree = (inputs: NamedTensors, prefix: string): Record<string, Tensor> =>
    Object.fromEntries(paths.map((path) => [path, inputs[`${prefix}:${path}`] as Tensor]));

  const step = (inputs: NamedTensors): NamedTensors => {
    const { pixelValues, inputIds } = inputs as { pixelValues: Tensor; inputIds: Tensor };
    const { value, gradient } = valueAndGradient(
      (leaves: ClipParams) => ({ loss: forward(leaves, { pixelValues, inputIds }, config).loss }),
      unflattenLike(spec, tree(inputs, "param")) as ClipParams,
    );
    const { grads, norm } = clipByGlobalNorm(flattenTree<Tensor>(gradient), 1);
    const copies = (prefix: string): Record<string, Tensor> =>
      Object.fromEntries(Object.entries(tree(inputs, prefix)).map(([path, leaf]) => [path, leaf.clone()]));
    const next = optimizer.update({
      params: copies("param"),
      grads,
      slots: { first: copies("first"), second: copies("second") },
      scalars,
    });
    return { loss: value, norm, ...prefixed("next", next.params) };
  };

  const inputs: Record<string, Tensor> = {
    ...prefixed("param", params),
    ...prefixed("first", slots["first"] ?? {}),
    ...prefixed("second", slots["second"] ?? {}),
    pixelValues: randomTensor([3, 3, 8, 8], "pixels"),
    inputIds: tensor([598, 5, 599, 0, 598, 7, 8, 599, 598, 599, 0, 0], [3, 4], "int32"),
  };
  const graph = trace(step, inputs as never);
  expect(graph.nodes.length).toBeGreaterThan(500);
  const expected = step(inputs);
  const actual = interpret(graph, inputs);
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, reference] of Object.entries(expected)) {
    expect(largestDifference(await actual[name]!.data(), await reference.data()), name).toBe(0);
  }
  dispose([actual, expected, inputs] as never);
});
