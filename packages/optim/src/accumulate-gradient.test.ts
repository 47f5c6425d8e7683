import { randomStream } from "@clip-ts/base";
import { l2Normalize, valueAndGradient, type FlatTree } from "@clip-ts/core";
import { relativeError, tensorsLeftBy } from "@clip-ts/test-utils";
import {
  abs,
  add,
  dispose,
  exp,
  logSoftmax,
  matMul,
  mean,
  mul,
  neg,
  profile,
  reshape,
  scalar,
  sum,
  tanh,
  tensor,
  transpose,
  eye,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { accumulateGradient } from "./accumulate-gradient.ts";
import { gradientParts, wholeGradient } from "./gradient-parts.ts";
import type { LeafObjective } from "./leaf-objective.ts";

const [micro, count, tokens, width, layers] = [8, 8, 64, 16, 6];

function drawValues(size: number, name: string, scale: number): Float32Array {
  const random = randomStream(3, name);
  return Float32Array.from({ length: size }, () => scale * random.normal());
}

const draw = (shape: [number, number], name: string): Tensor =>
  tensor(drawValues(shape[0] * shape[1], name, 0.4), shape);

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

/** Rows of the host's arrays as tensors: [rows, tokens, width]. */
function rowsAt(start: number, rows: number): Record<"images" | "texts", Tensor> {
  const take = (values: Float32Array): Tensor =>
    tensor(values.subarray(start * rowSize, (start + rows) * rowSize), [rows, tokens, width]);
  return { images: take(host.images), texts: take(host.texts) };
}
const part = (index: number): ReturnType<typeof rowsAt> => rowsAt(index * micro, micro);

function tower(params: FlatTree<Tensor>, side: string, x: Tensor): Tensor {
  let hidden = reshape(x, [-1, width]);
  for (let layer = 0; layer < layers; layer++) {
    hidden = tanh(matMul(hidden, params[`${side}.${layer}`] as Tensor));
  }
  return l2Normalize(mean(reshape(hidden, x.shape), 1));
}

/** CLIP's loss, written out; every pair has a term of its own too, and the batch leaves a mean behind. */
const objective: LeafObjective = {
  compared: ["scale"],
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
    return { loss: add(matching, mean(own as Tensor)), metrics: { logits } };
  },
};

const parts = Array.from({ length: count }, (_, index) => () => part(index));

const leavesOf = (params: FlatTree<Tensor>): FlatTree<Tensor> => ({ ...params, seen: scalar(0) });

const accumulated = (leaves: FlatTree<Tensor>, trained: readonly string[]) =>
  accumulateGradient(gradientParts(objective, trained), leaves, { parts, shared: {} });

const atOnce = (leaves: FlatTree<Tensor>, trained: readonly string[]) =>
  wholeGradient(objective, trained)(leaves, rowsAt(0, micro * count), {});

test("8 micro-batches have the loss and every gradient of one batch, the scale's counted once", async () => {
  const params = createParams();
  const leaves = leavesOf(params);
  const { loss, grads, metrics, statistics } = accumulated(leaves, Object.keys(params));
  const expected = atOnce(leaves, Object.keys(params));
  expect(Object.keys(grads)).toEqual(Object.keys(params));
  expect(relativeError(await loss.data(), await expected.loss.data())).toBeLessThan(1e-6);
  for (const [path, leaf] of Object.entries(expected.grads)) {
    const error = relativeError(await (grads[path] as Tensor).data(), await leaf.data());
    expect(error, path).toBeLessThan(1e-5);
  }
  expect(metrics["logits"]?.shape).toEqual([64, 64]);
  const means = count * ((await mean(rowsAt(0, micro * count).images).data())[0] as number);
  expect((await statistics["seen"]!.data())[0]).toBeCloseTo(means, 5); // every micro-batch once, in turn
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
  const accumulatedStep = (): void => {
    const { loss, grads, metrics, statistics } = accumulated(leaves, Object.keys(params));
    dispose({ loss, ...grads, ...metrics, ...statistics });
  };
  const peak = async (run: () => void): Promise<number> => {
    const { peakBytes } = await profile(() => {
      run();
      return {};
    });
    return peakBytes;
  };
  expect(await peak(accumulatedStep)).toBeLessThan(1.3 * (await peak(microStep)));
});

test("leaves of one side may be left out: they get no gradient, the others keep theirs", async () => {
  const params = createParams();
  const texts = Object.keys(params).filter((path) => path.startsWith("texts"));
  const { grads } = accumulated(leavesOf(params), texts);
  const expected = atOnce(leavesOf(params), Object.keys(params)).grads;
  expect(Object.keys(grads)).toEqual(texts);
  for (const [path, leaf] of Object.entries(grads)) {
    expect(relativeError(await leaf.data(), await expected[path]!.data()), path).toBeLessThan(1e-5);
  }
});

test("leaves its results behind and nothing else", async () => {
  const params = createParams();
  const leaves = leavesOf(params);
  const left = await tensorsLeftBy(() => accumulated(leaves, Object.keys(params)));
  expect(left).toBe(1 + Object.keys(params).length + 2); // loss, gradients, logits and what was seen
});
