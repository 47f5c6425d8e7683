import { randomStream } from "@clip-ts/base";
import { l2Normalize, valueAndGradient, type FlatTree } from "@clip-ts/core";
import { relativeError, tensorsLeftBy } from "@clip-ts/test-utils";
import {
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
import { cachedGradient } from "./cached-gradient.ts";

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

type Batch = { images: Tensor; texts: Tensor };

const rowSize = tokens * width;
const host = {
  images: drawValues(micro * count * rowSize, "image rows", 1),
  texts: drawValues(micro * count * rowSize, "text rows", 1),
};

/** Rows of the host's arrays as tensors: [rows, tokens, width]. */
function rowsAt(start: number, rows: number): Batch {
  const take = (values: Float32Array): Tensor =>
    tensor(values.subarray(start * rowSize, (start + rows) * rowSize), [rows, tokens, width]);
  return { images: take(host.images), texts: take(host.texts) };
}
const part = (index: number): Batch => rowsAt(index * micro, micro);

function tower(params: FlatTree<Tensor>, side: string, x: Tensor): Tensor {
  let hidden = reshape(x, [-1, width]);
  for (let layer = 0; layer < layers; layer++) {
    hidden = tanh(matMul(hidden, params[`${side}.${layer}`] as Tensor));
  }
  return l2Normalize(mean(reshape(hidden, x.shape), 1));
}

function encode(params: FlatTree<Tensor>, { images, texts }: Batch, before?: FlatTree<Tensor>) {
  const features = { image: tower(params, "images", images), text: tower(params, "texts", texts) };
  const average = mean(images);
  const seen = before?.["seen"];
  return { features, aside: { seen: seen === undefined ? average : add(seen, average) } };
}

/** CLIP's loss, written out. */
function compare(params: FlatTree<Tensor>, { image, text }: FlatTree<Tensor>) {
  const logits = mul(
    matMul(image as Tensor, text as Tensor, false, true),
    exp(params["scale"] as Tensor),
  );
  const both = add(logSoftmax(logits), transpose(logSoftmax(transpose(logits))));
  const rows = micro * count;
  return { loss: neg(mean(sum(mul(both, eye(rows)), 1))), aux: { logits } };
}

const accumulated = (params: FlatTree<Tensor>) =>
  cachedGradient({
    params,
    compared: ["scale"],
    batches: Array.from({ length: count }, (_, index) => () => part(index)),
    encode,
    compare,
  });

const atOnce = (params: Record<string, Tensor>, batch: Batch) =>
  valueAndGradient((tree: Record<string, Tensor>) => {
    const { features } = encode(tree, batch);
    return { loss: compare(tree, features as never).loss };
  }, params);

test("8 micro-batches have the loss and every gradient of one batch, the scale's counted once", async () => {
  const params = createParams();
  const { value, gradient, aux, aside } = accumulated(params);
  const expected = atOnce(params, rowsAt(0, micro * count));
  expect(Object.keys(gradient)).toEqual(Object.keys(params));
  expect(relativeError(await value.data(), await expected.value.data())).toBeLessThan(1e-6);
  for (const [path, leaf] of Object.entries(expected.gradient)) {
    const error = relativeError(await (gradient[path] as Tensor).data(), await leaf.data());
    expect(error, path).toBeLessThan(1e-5);
  }
  expect(aux?.logits.shape).toEqual([64, 64]);
  const means = count * ((await mean(rowsAt(0, micro * count).images).data())[0] as number);
  expect((await aside["seen"]!.data())[0]).toBeCloseTo(means, 5); // every micro-batch once, in turn
});

test("its peak memory stays below 1.3 times a step on one micro-batch", async () => {
  const params = createParams();
  const microEye = eye(micro);
  const microStep = (): void => {
    const { value, gradient } = valueAndGradient((tree: Record<string, Tensor>) => {
      const { features } = encode(tree, part(0));
      const logits = matMul(features.image, features.text, false, true);
      return { loss: neg(sum(mul(logSoftmax(mul(logits, exp(tree["scale"]!))), microEye))) };
    }, params);
    dispose([value, gradient] as never);
  };
  const accumulatedStep = (): void => {
    const { value, gradient, aux, aside } = accumulated(params);
    dispose([value, gradient, aux, aside] as never);
  };
  const peak = async (run: () => void): Promise<number> => (await profile(run as never)).peakBytes;
  expect(await peak(accumulatedStep)).toBeLessThan(1.3 * (await peak(microStep)));
});

test("leaves of one side may be left out: they get no gradient, the others keep theirs", async () => {
  const params = createParams();
  const isText = (path: string): boolean => path.startsWith("texts");
  const texts = Object.fromEntries(Object.entries(params).filter(([path]) => isText(path)));
  const { gradient } = cachedGradient({
    params: texts,
    compared: [],
    batches: Array.from({ length: count }, (_, index) => () => part(index)),
    encode: (tree, batch) => encode({ ...params, ...tree }, batch),
    compare: (tree, features) => compare({ ...params, ...tree }, features),
  });
  const expected = atOnce(params, rowsAt(0, micro * count)).gradient;
  expect(Object.keys(gradient)).toEqual(Object.keys(texts));
  for (const [path, leaf] of Object.entries(gradient)) {
    expect(relativeError(await leaf.data(), await expected[path]!.data()), path).toBeLessThan(1e-5);
  }
});

test("leaves its results behind and nothing else", async () => {
  const params = createParams();
  const left = await tensorsLeftBy(() => accumulated(params));
  expect(left).toBe(1 + Object.keys(params).length + 2); // value, gradient, logits and what was seen
});
