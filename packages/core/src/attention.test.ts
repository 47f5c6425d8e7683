import { largestDifference, randomTensor, reference } from "@clip-ts/test-utils";
import { tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { dotProductAttention } from "./layers.ts";

const [batch, heads, tokens, dim] = [2, 3, 4, 5];
const shape = [batch, heads, tokens, dim];
const [queries, keys, values] = [
  randomTensor(shape, "queries"),
  randomTensor(shape, "keys"),
  randomTensor(shape, "values"),
];

/** One head at a time in float64. */
async function expected(mask?: readonly number[]): Promise<number[]> {
  const [q, k, v] = [await queries.data(), await keys.data(), await values.data()];
  const size = tokens * dim;
  return Array.from({ length: batch * heads }, (_, head) => {
    const part = (all: ArrayLike<number>): number[] => Array.from(all).slice(head * size, (head + 1) * size);
    const inputs = { q: part(q), k: part(k), v: part(v) };
    return Array.from(reference.attention(inputs, { tokens, dim }, mask));
  }).flat();
}

test("equals softmax(q kᵀ / √dim) v head by head", async () => {
  const mixed = await dotProductAttention(queries, keys, values).data();
  expect(largestDifference(mixed, await expected())).toBeLessThan(1e-6);
});

test("equals the reference under a mask", async () => {
  const mask = Array.from({ length: tokens * tokens }, (_, index) => (index % 3 === 2 ? -1e9 : 0));
  const masked = dotProductAttention(queries, keys, values, {
    mask: tensor(mask, [tokens, tokens]),
  });
  expect(largestDifference(await masked.data(), await expected(mask))).toBeLessThan(1e-6);
});

test("a hidden key has no influence at all", async () => {
  const mask = tensor([0, 0, 0, -1e9], [1, 4]);
  const before = await dotProductAttention(queries, keys, values, { mask }).data();
  const change = (label: string): Float32Array => randomTensor([tokens * dim], label).dataSync() as Float32Array;
  const swapLast = (original: ArrayLike<number>, fresh: Float32Array): Float32Array =>
    Float32Array.from(original, (value, index) =>
      Math.floor(index / dim) % tokens === tokens - 1 ? (fresh[index % dim] as number) : value,
    );
  const otherKeys = tensor(swapLast(await keys.data(), change("other keys")), shape);
  const otherValues = tensor(swapLast(await values.data(), change("other values")), shape);
  const after = await dotProductAttention(queries, otherKeys, otherValues, { mask }).data();
  expect(after).toEqual(before);
});
