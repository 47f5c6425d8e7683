import { toHost, toTensor, type HostArray, type HostArrays } from "@clip-ts/core";
import { randomTensor } from "@clip-ts/test-utils";
import { dispose, engine, removeBackend, scalar, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { bytesSource, openSafetensors, saveParams, streamParams, toBytes } from "./index.ts";

/** Float, whole and truth values, some of them a part of a larger array. */
async function someArrays(): Promise<HostArrays> {
  const drawn = randomTensor([5, 4], 3);
  const { data } = await toHost(drawn);
  drawn.dispose();
  return {
    whole: { data, shape: [5, 4] },
    part: { data: data.subarray(7, 13), shape: [2, 3] },
    ids: { data: Int32Array.of(4, -5, 6), shape: [3] },
    flags: { data: Uint8Array.of(1, 0), shape: [2] },
    scale: { data: Float32Array.of(-0), shape: [] },
  };
}

async function streamed(params: object, options?: object): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamParams(params, options).chunks()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test.each(["F32", "F16", "BF16"] as const)(
  "host arrays make the file that tensors make, byte for byte (%s)",
  async (dtype) => {
    const arrays = await someArrays();
    const tensors = Object.entries(arrays).map(([path, array]) => [path, toTensor(array)] as const);
    const tree = { of: Object.fromEntries(tensors) };
    const expected = toBytes(await saveParams(tree, { dtype }));
    dispose(Object.values(tree.of));
    expect(toBytes(await saveParams({ of: arrays }, { dtype }))).toEqual(expected);
    expect(Buffer.compare(await streamed({ of: arrays }, { dtype }), expected)).toBe(0);
    const mixed = { of: { ...arrays, whole: toTensor(arrays["whole"] as HostArray) } };
    expect(Buffer.compare(await streamed(mixed, { dtype }), expected)).toBe(0);
    (mixed.of.whole as Tensor).dispose();
  },
);

test("no engine has to run to write arrays", async () => {
  const arrays = await someArrays();
  for (const name of Object.keys(engine().registryFactory)) removeBackend(name);
  expect(() => scalar(1)).toThrow("No backend found"); // here and in any later test
  expect(await streamed(arrays)).toEqual(Buffer.from(toBytes(await saveParams(arrays))));
});

test("bytes stay bytes", async () => {
  const data = Uint8ClampedArray.of(0, 128, 255);
  const saved = await saveParams({ of: { pixels: { data, shape: [3] } } });
  const file = await openSafetensors(bytesSource(toBytes(saved)), "memory");
  expect(await file.read("of.pixels")).toEqual({ dtype: "U8", shape: [3], bytes: Uint8Array.from(data) });
});
