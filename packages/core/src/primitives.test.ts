import {
  gradientFaults,
  randomTensor,
  relativeError,
  tensorsLeftBy,
  useEngine,
  weightedSum,
} from "@clip-ts/test-utils";
import { add, dispose, square, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";
import { activate } from "./activation.ts";
import { dotProductAttention, embed, l2Normalize, layerNorm, linear, type AttentionChanges } from "./layers.ts";
import { batchNorm, batchNormTraining } from "./batch-norm.ts";
import { conv2d, patchify } from "./convolution.ts";
import { valueAndGradient } from "./gradient.ts";
import { flattenTree } from "./tree.ts";

type Inputs = Readonly<Record<string, Tensor>>;

/** One differentiable primitive: the shapes of its inputs and how it is called. */
interface Primitive {
  readonly name: string;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly run: (inputs: Inputs) => Tensor;
}

const get = (inputs: Inputs, key: string): Tensor => inputs[key] as Tensor;
const params = (inputs: Inputs): { weight: Tensor; bias: Tensor } => ({
  weight: get(inputs, "weight"),
  bias: get(inputs, "bias"),
});
const heads = [2, 3, 5, 4];
const attentionShapes = { queries: heads, keys: heads, values: heads };
const attend = (inputs: Inputs, changes: AttentionChanges = {}): Tensor =>
  dotProductAttention(get(inputs, "queries"), get(inputs, "keys"), get(inputs, "values"), changes);
/** [5, 5]: one value above the diagonal, another elsewhere. */
const triangle = (above: number, elsewhere: number): Tensor =>
  tensor(
    Array.from({ length: 25 }, (_, index) => (index % 5 > Math.floor(index / 5) ? above : elsewhere)),
    [5, 5],
  );
const convolution = (side: number, kernel: number, stride: number, padding: number): Primitive => ({
  name: `conv2d ${kernel}x${kernel}, stride ${stride}, padding ${padding}`,
  shapes: { x: [2, side, side, 3], weight: [4, 3, kernel, kernel] },
  run: (inputs) => conv2d(params(inputs), get(inputs, "x"), { stride, padding }),
});

const primitives: readonly Primitive[] = [
  ...(["gelu", "gelu_pytorch_tanh", "quick_gelu", "relu"] as const).map((name) => ({
    name: `activate ${name}`,
    shapes: { x: [3, 7] },
    run: (inputs: Inputs) => activate(name, get(inputs, "x")),
  })),
  { name: "attention", shapes: attentionShapes, run: (inputs) => attend(inputs) },
  {
    name: "attention with a mask",
    shapes: attentionShapes,
    run: (inputs) => attend(inputs, { mask: triangle(-1e9, 0) }),
  },
  {
    name: "attention of which some is dropped",
    shapes: attentionShapes,
    run: (inputs) => attend(inputs, { factor: triangle(0, 1.25) }),
  },
  {
    name: "batchNorm",
    shapes: { x: [4, 3, 5], weight: [5], bias: [5], center: [5], spread: [5] },
    run: (inputs) =>
      batchNorm(
        params(inputs),
        {
          running_mean: get(inputs, "center"),
          running_var: add(square(get(inputs, "spread")), 0.5),
        },
        get(inputs, "x"),
      ),
  },
  {
    name: "batchNormTraining",
    shapes: { x: [4, 3, 5], weight: [5], bias: [5] },
    run: (inputs) => {
      const frozen = {
        running_mean: tensor([0, 0, 0, 0, 0]),
        running_var: tensor([1, 1, 1, 1, 1]),
      };
      return batchNormTraining(params(inputs), frozen, get(inputs, "x")).y;
    },
  },
  convolution(5, 3, 1, 1),
  convolution(6, 3, 2, 1),
  convolution(6, 1, 1, 0),
  convolution(8, 4, 4, 0),
  convolution(7, 3, 3, 2),
  {
    name: "embed",
    shapes: { weight: [9, 4] },
    run: (inputs) => embed(params(inputs), tensor([3, 0, 3, 8, 3, 1], [2, 3], "int32")),
  },
  { name: "l2Normalize", shapes: { x: [3, 2, 5] }, run: (inputs) => l2Normalize(get(inputs, "x")) },
  {
    name: "layerNorm",
    shapes: { x: [2, 3, 6], weight: [6], bias: [6] },
    run: (inputs) => layerNorm(params(inputs), get(inputs, "x")),
  },
  {
    name: "linear",
    shapes: { x: [2, 3, 5], weight: [4, 5], bias: [4] },
    run: (inputs) => linear(params(inputs), get(inputs, "x")),
  },
  {
    name: "linear without bias",
    shapes: { x: [3, 5], weight: [4, 5] },
    run: (inputs) => linear({ weight: get(inputs, "weight") }, get(inputs, "x")),
  },
  {
    name: "patchify",
    shapes: { x: [2, 3, 4, 6] },
    run: (inputs) => patchify(get(inputs, "x"), 2),
  },
];

function drawInputs({ shapes }: Primitive): Inputs {
  const entries = Object.entries(shapes).map(([key, shape]) => [key, randomTensor(shape, key)]);
  return Object.fromEntries(entries) as Inputs;
}

/** The output and the gradient of every input, on one engine. */
async function measure(primitive: Primitive): Promise<Record<string, ArrayLike<number>>> {
  const inputs = drawInputs(primitive);
  const { value, gradient, aux } = valueAndGradient((tree: Inputs) => {
    const output = primitive.run(tree);
    return { loss: weightedSum(output), aux: { output } };
  }, inputs);
  const measured: Record<string, ArrayLike<number>> = { output: await aux!.output.data() };
  for (const [key, leaf] of Object.entries(flattenTree<Tensor>(gradient))) {
    measured[`gradient of ${key}`] = await leaf.data();
  }
  dispose([value, aux!.output, ...Object.values(gradient), ...Object.values(inputs)]);
  return measured;
}

afterAll(() => useEngine("cpu"));

describe.each(primitives)("$name", (primitive) => {
  test("has the gradient that central differences find", async () => {
    await useEngine("cpu");
    const inputs = drawInputs(primitive);
    const objective = (tree: Inputs): Tensor => weightedSum(primitive.run(tree));
    expect(await gradientFaults(objective, inputs, { entries: 4, step: 5e-3 })).toEqual([]);
  });

  test("gives the same on cpu and wasm, forward and backward", async () => {
    await useEngine("cpu");
    const onCpu = await measure(primitive);
    await useEngine("wasm");
    const onWasm = await measure(primitive);
    expect(Object.keys(onWasm)).toEqual(Object.keys(onCpu));
    for (const [key, expected] of Object.entries(onCpu)) {
      const bound = key === "output" ? 1e-5 : 1e-4;
      const error = relativeError(onWasm[key] as Float32Array, expected as Float32Array);
      expect(error, key).toBeLessThan(bound);
    }
  });

  test.each(["cpu", "wasm"] as const)("leaves no tensor behind (%s)", async (engine) => {
    await useEngine(engine);
    await measure(primitive); // the first run may make the engine's own constants
    expect(await tensorsLeftBy(() => measure(primitive))).toBe(0);
  });
});
