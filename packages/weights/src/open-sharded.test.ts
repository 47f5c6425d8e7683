import { expect, test } from "vitest";
import {
  bytesSource,
  fromFloat32,
  openSharded,
  serializeSafetensors,
  toBytes,
  toFloat32,
  type ByteSource,
  type HostTensor,
} from "./index.ts";

const scalar = (value: number): HostTensor => fromFloat32(Float32Array.of(value), []);
const shard = (tensors: Record<string, HostTensor>): ByteSource =>
  bytesSource(toBytes(serializeSafetensors(tensors, { format: "pt" })));

const shards: Record<string, ByteSource> = {
  "model-00001-of-00002.safetensors": shard({ a: scalar(1), b: scalar(2) }),
  "model-00002-of-00002.safetensors": shard({ c: scalar(3) }),
};
const weightMap = {
  a: "model-00001-of-00002.safetensors",
  b: "model-00001-of-00002.safetensors",
  c: "model-00002-of-00002.safetensors",
};

/** Opens shards by name and notes which. */
function opener(opened: string[] = []): (file: string) => Promise<ByteSource> {
  return async (file) => {
    opened.push(file);
    const source = shards[file];
    if (source === undefined) throw new Error("no such file");
    return Promise.resolve(source);
  };
}

test("tensors of all shards, each file opened once", async () => {
  const opened: string[] = [];
  const index = { metadata: { total_size: 12 }, weight_map: weightMap };
  const file = await openSharded(index, opener(opened));
  expect(file.names).toEqual(["a", "b", "c"]);
  expect(opened).toEqual(Object.keys(shards));
  expect(file.metadata).toEqual({ format: "pt" });
  expect(file.describe("c")).toEqual({ dtype: "F32", shape: [], byteLength: 4 });
  expect(toFloat32(await file.read("b"))[0]).toBe(2);
  expect(toFloat32(await file.read("c"))[0]).toBe(3);
  expect(() => file.describe("d")).toThrow('Sharded weights has no tensor "d"');
});

test.each([
  ["no object", null, "must be an object with a weight_map"],
  ["no map", { weight_map: ["a"] }, "must be an object with a weight_map"],
  ["a path upwards", { weight_map: { a: "../secret" } }, 'tensor "a": expected a file name'],
  ["a path downwards", { weight_map: { a: "sub/x.safetensors" } }, "expected a file name"],
  ["a Windows path", { weight_map: { a: "..\\x" } }, "expected a file name"],
  ["the folder above", { weight_map: { a: ".." } }, "expected a file name"],
  ["a number", { weight_map: { a: 3 } }, "expected a file name beside the index, found 3"],
  [
    "an absent file",
    { weight_map: { a: "model-00009.safetensors" } },
    "the index names model-00009.safetensors, which cannot be opened: no such file",
  ],
  [
    "an absent tensor",
    { weight_map: { ...weightMap, d: weightMap.c } },
    'model-00002-of-00002.safetensors has no tensor "d"',
  ],
])("refused: %s", async (_, index, message) => {
  await expect(openSharded(index, opener())).rejects.toThrow(message);
});
