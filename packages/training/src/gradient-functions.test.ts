import { randomStream } from "@clip-ts/base";
import {
  l2Normalize,
  toHost,
  toTensor,
  valueAndGradient,
  type FlatTree,
  type HostArray,
  type HostArrays,
} from "@clip-ts/core";
import { createDriver, loadEager, type LeafRule } from "@clip-ts/jit";
import { relativeError } from "@clip-ts/test-utils";
import {
  abs,
  add,
  dispose,
  exp,
  logSoftmax,
  matMul,
  memory,
  mean,
  mul,
  neg,
  profile,
  reshape,
  scalar,
  sum,
  tanh,
  transpose,
  eye,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { gradientFunctions, type LeafView } from "./step-functions.ts";

const [micro, count, tokens, width, layers] = [8, 8, 64, 16, 6];

function drawValues(size: number, name: string, scale: number): Float32Array {
  const random = randomStream(3, name);
  return Float32Array.from({ length: size }, () => scale * random.normal());
}

const draw = (shape: [number, number], name: string): Tensor =>
  toTensor({ data: drawValues(shape[0] * shape[1], name, 0.4), shape });

function createParams(): Record<string, Tensor> {
  const weights = ["images", "texts"].flatMap((side) =>
    Array.from({ length: layers }, (_, index): [string, Tensor] => {
      const path = `${side}.${index}`;
      return [path, draw([width, width], path)];
    }),
  );
  return Object.fromEntries([...weights, ["scale", scalar(1.5)]]);
}

const rowSize = tokens * width;
const host = {
  images: drawValues(micro * count * rowSize, "image rows", 1),
  texts: drawValues(micro * count * rowSize, "text rows", 1),
};

/** Rows of the host's arrays: [rows, tokens, width]. */
function arraysAt(start: number, rows: number): Record<"images" | "texts", HostArray> {
  const take = (values: Float32Array): HostArray => ({
    data: values.subarray(start * rowSize, (start + rows) * rowSize),
    shape: [rows, tokens, width],
  });
  return { images: take(host.images), texts: take(host.texts) };
}
/** The same as tensors. */
function rowsAt(start: number, rows: number): Record<"images" | "texts", Tensor> {
  const { images, texts } = arraysAt(start, rows);
  return { images: toTensor(images), texts: toTensor(texts) };
}
const part = (index: number): ReturnType<typeof rowsAt> => rowsAt(index * micro, micro);

function tower(params: FlatTree<Tensor>, side: string, x: Tensor): Tensor {
  let hidden = reshape(x, [-1, width]);
  for (let layer = 0; layer < layers; layer++) {
    hidden = tanh(matMul(hidden, params[`${side}.${layer}`] as Tensor));
  }
  return l2Normalize(mean(reshape(hidden, x.shape), 1));
}

type Leaves = Readonly<Record<string, Tensor>>;

/** The leaves as they are. */
const viewOf = (trained: readonly string[]): LeafView<Leaves> => ({
  trained,
  model: (leaves) => leaves,
  compared: (leaves) => leaves,
  options: {},
});

/** CLIP's loss, written out; every pair has a term of its own too, and the batch leaves a mean behind. */
const objective: Parameters<typeof gradientFunctions<Leaves, Leaves, object>>[0] = {
  inputs: { pairs: ["images", "texts"], shared: [], compared: ["scale"] },
  encode(leaves, { images, texts }) {
    const image = tower(leaves, "images", images as Tensor);
    const text = tower(leaves, "texts", texts as Tensor);
    const own = sum(abs(mul(image, text)), 1);
    const seen = add(leaves["seen"] as Tensor, mean(images as Tensor));
    return { rows: { image, text, own }, statistics: { seen } };
  },
  compare(leaves, { image, text, own }) {
    const cosines = matMul(image as Tensor, text as Tensor, false, true);
    const logits = mul(cosines, exp(leaves["scale"] as Tensor));
    const both = add(logSoftmax(logits), transpose(logSoftmax(transpose(logits))));
    const matching = neg(mean(sum(mul(both, eye(micro * count)), 1)));
    return { loss: add(matching, mean(own as Tensor)), metrics: { own: mean(own as Tensor) } };
  },
};

const parts = Array.from({ length: count }, (_, index) => arraysAt(index * micro, micro));

const leavesOf = (params: FlatTree<Tensor>): FlatTree<Tensor> => ({ ...params, seen: scalar(0) });

/** An optimiser that moves nothing, so that what it was given can be looked at. */
const still = (trained: readonly string[]): LeafRule => ({
  leaves: Object.fromEntries(trained.map((path) => [path, {}])),
  slots: [],
  move: ({ param }) => [param.clone()],
});

/** One step over all micro-batches, operation by operation. */
async function accumulated(leaves: FlatTree<Tensor>, trained: readonly string[]) {
  const functions = gradientFunctions(objective, viewOf(trained));
  const params = await hostOf(leaves);
  const program = await loadEager({ ...functions, update: still(trained) }, { params });
  const numbers = await createDriver(program, functions).step({ parts, shared: {} }, {});
  const grads = await program.read("gradients");
  const { seen } = await program.read("params");
  await program.dispose();
  return { numbers, grads, seen: seen as HostArray };
}

async function hostOf(leaves: FlatTree<Tensor>): Promise<HostArrays> {
  const arrays = Object.entries(leaves).map(async ([path, x]) => [path, await toHost(x)] as const);
  return Object.fromEntries(await Promise.all(arrays));
}

const atOnce = (leaves: FlatTree<Tensor>, trained: readonly string[]) =>
  gradientFunctions(objective, viewOf(trained)).gradient(leaves, rowsAt(0, micro * count), {});

test("8 micro-batches have the loss and every gradient of one batch, the scale's counted once", async () => {
  const params = createParams();
  const leaves = leavesOf(params);
  const { numbers, grads, seen } = await accumulated(leaves, Object.keys(params));
  const expected = atOnce(leaves, Object.keys(params));
  expect(Object.keys(grads).toSorted()).toEqual(Object.keys(params).toSorted());
  expect(relativeError([numbers["loss"]!], await expected.loss.data())).toBeLessThan(1e-6);
  for (const [path, leaf] of Object.entries(expected.grads)) {
    const error = relativeError(grads[path]!.data, await leaf.data());
    expect(error, path).toBeLessThan(1e-5);
  }
  const own = (await expected.metrics!["own"]!.data())[0]!;
  expect(relativeError([numbers["own"]!], [own])).toBeLessThan(1e-5);
  const means = count * ((await mean(rowsAt(0, micro * count).images).data())[0] as number);
  expect(seen.data[0]).toBeCloseTo(means, 5); // every micro-batch once, in turn
});

test("its peak memory stays below 1.3 times a step on one micro-batch", async () => {
  const params = createParams();
  const leaves = leavesOf(params);
  const microEye = eye(micro);
  const microStep = (): void => {
    const { value, gradient } = valueAndGradient((tree: Record<string, Tensor>) => {
      const { rows } = objective.encode({ ...leaves, ...tree }, part(0));
      const logits = matMul(rows["image"] as Tensor, rows["text"] as Tensor, false, true);
      return { loss: neg(sum(mul(logSoftmax(mul(logits, exp(tree["scale"]!))), microEye))) };
    }, params);
    dispose({ value, ...gradient });
  };
  const peak = async (run: () => unknown): Promise<number> => {
    const { peakBytes } = await profile(async () => {
      await run();
      return {};
    });
    return peakBytes;
  };
  const step = (): Promise<unknown> => accumulated(leaves, Object.keys(params));
  expect(await peak(step)).toBeLessThan(1.3 * (await peak(microStep)));
});

test("leaves of one side may be left out: they get no gradient, the others keep theirs", async () => {
  const params = createParams();
  const texts = Object.keys(params).filter((path) => path.startsWith("texts"));
  const { grads } = await accumulated(leavesOf(params), texts);
  const expected = atOnce(leavesOf(params), Object.keys(params)).grads;
  expect(Object.keys(grads)).toEqual(texts);
  for (const [path, leaf] of Object.entries(grads)) {
    expect(relativeError(leaf.data, await expected[path]!.data()), path).toBeLessThan(1e-5);
  }
});

test("a program leaves nothing behind", async () => {
  const params = createParams();
  const leaves = leavesOf(params);
  const before = memory().numTensors;
  await accumulated(leaves, Object.keys(params));
  expect(memory().numTensors).toBe(before);
});
