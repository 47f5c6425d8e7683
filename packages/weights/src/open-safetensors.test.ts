import { expect, test } from "vitest";
import { isClipError } from "@clip-ts/base";
import {
  bytesSource,
  fromFloat32,
  openSafetensors,
  serializeSafetensors,
  toBytes,
  toFloat32,
  type ByteSource,
} from "./index.ts";

/** A file with this header, as given, and this many bytes of data. */
function fileOf(header: unknown, dataBytes: number): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const entry = (begin: number, end: number, shape: readonly unknown[], dtype = "F32"): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test("a tensor is found by its place, whatever the order of the header", async () => {
  const header = { b: entry(8, 16, [2]), a: entry(0, 8, [1, 2]), empty: entry(8, 8, [0, 3]) };
  const bytes = fileOf(header, 16);
  new DataView(bytes.buffer).setFloat32(bytes.length - 16, 1.5, true);
  const file = await openSafetensors(bytesSource(bytes));
  expect(file.names).toEqual(["a", "empty", "b"]);
  expect(file.describe("a")).toEqual({ dtype: "F32", shape: [1, 2], byteLength: 8 });
  expect([...toFloat32(await file.read("a"))]).toEqual([1.5, 0]);
  expect((await file.read("empty")).bytes.byteLength).toBe(0);
});

test("rows of a tensor are read alone", async () => {
  const values = Float32Array.from({ length: 12 }, (_, index) => index);
  const bytes = toBytes(serializeSafetensors({ a: fromFloat32(values, [4, 3]) }));
  const read: number[] = [];
  const source: ByteSource = {
    size: bytes.length,
    read: (offset, length) => {
      read.push(length);
      return bytesSource(bytes).read(offset, length);
    },
  };
  const file = await openSafetensors(source);
  const rows = await file.read("a", [1, 3]);
  expect(rows.shape).toEqual([2, 3]);
  expect([...toFloat32(rows)]).toEqual([3, 4, 5, 6, 7, 8]);
  expect(read.at(-1)).toBe(24);
  await expect(file.read("a", [3, 5])).rejects.toThrow("Expected rows within 0 to 4, got 3 to 5");
});

test.each([
  ["empty", new Uint8Array(0), "x.safetensors: expected a safetensors file, found 0 bytes"],
  ["not JSON", fileOf("{not json", 0), "the header is not JSON in UTF-8"],
  ["a list", fileOf([], 0), "the header must be a JSON object"],
  ["metadata of numbers", fileOf({ __metadata__: { a: 1 } }, 0), "__metadata__ must map strings"],
  ["no entry", fileOf({ w: 3 }, 0), 'tensor "w": expected {dtype, shape, data_offsets}, found 3'],
  [
    "unknown dtype",
    fileOf({ w: entry(0, 4, [1], "F8_E4M3") }, 4),
    'tensor "w": expected dtype I64, F64, F32, I32, BF16, F16, I16, I8, U8, BOOL, found "F8_E4M3"',
  ],
  ["dtype from a prototype", fileOf({ w: entry(0, 4, [1], "toString") }, 4), "expected dtype"],
  ["negative side", fileOf({ w: entry(0, 4, [-1]) }, 4), "expected a shape of whole numbers"],
  ["fractional side", fileOf({ w: entry(0, 4, [0.5]) }, 4), "expected a shape of whole numbers"],
  ["one offset", fileOf({ w: { dtype: "F32", shape: [1], data_offsets: [0] } }, 4), "data_offsets"],
  [
    "offsets unlike the shape",
    fileOf({ w: entry(0, 8, [3]) }, 8),
    'tensor "w": expected 12 bytes for F32 [3], found [0,8]',
  ],
  ["a shape of absurd size", fileOf({ w: entry(0, 8, [2 ** 50, 2 ** 50, 2 ** 50]) }, 8), 'tensor "w": expected'],
  [
    "overlap",
    fileOf({ v: entry(0, 8, [2]), w: entry(4, 12, [2]) }, 12),
    'tensor "w" overlaps the tensor before it: expected offset 8, found 4',
  ],
  [
    "hole",
    fileOf({ v: entry(0, 8, [2]), w: entry(12, 16, [1]) }, 16),
    'tensor "w" leaves a hole before it: expected offset 8, found 12',
  ],
  ["hole at the start", fileOf({ w: entry(4, 8, [1]) }, 8), "expected offset 0, found 4"],
  ["data missing", fileOf({ w: entry(0, 8, [2]) }, 7), "ends at byte 8 of the data, but the file holds 7"],
  ["data left over", fileOf({ w: entry(0, 8, [2]) }, 9), "the tensors end at byte 8 of the data"],
])("refused: %s", async (_, bytes, message) => {
  const error: unknown = await openSafetensors(bytesSource(bytes), "x.safetensors").catch((e) => e);
  expect(isClipError(error) && error.code).toBe("bad-weights");
  expect((error as Error).message).toContain("x.safetensors: ");
  expect((error as Error).message).toContain(message);
});

test.each([
  [10_000_000_000n, 1000, "claims 10000000000 bytes, more than the 100000000 allowed"],
  [2n ** 64n - 1n, 1000, "claims 18446744073709551615 bytes"],
  [99_000_000n, 1000, "claims 99000000 bytes, but the file has 1000; it is truncated"],
])("a header that claims %d bytes of %d is refused before it is read", async (claim, size, message) => {
  const requests: number[] = [];
  const source: ByteSource = {
    size,
    read: (_, length) => {
      requests.push(length);
      const start = new Uint8Array(length);
      new DataView(start.buffer).setBigUint64(0, claim, true);
      return Promise.resolve(start);
    },
  };
  await expect(openSafetensors(source)).rejects.toThrow(message);
  expect(requests).toEqual([8]);
});

test("a source that answers short is found out", async () => {
  const bytes = toBytes(serializeSafetensors({ a: fromFloat32(new Float32Array(4), [4]) }));
  const source: ByteSource = {
    size: bytes.length,
    read: (offset, length) => bytesSource(bytes).read(offset, length === 16 ? 15 : length),
  };
  const file = await openSafetensors(source, "x");
  await expect(file.read("a")).rejects.toThrow('x: tensor "a": asked for 16 bytes');
});

test("names from Object's prototype are names like any other", async () => {
  const header = `{"__proto__":${JSON.stringify(entry(0, 4, [1]))}}`;
  const file = await openSafetensors(bytesSource(fileOf(header, 4)), "x");
  expect(file.names).toEqual(["__proto__"]);
  expect(({} as { dtype?: string }).dtype).toBeUndefined();
  expect(() => file.describe("constructor")).toThrow('x has no tensor "constructor"');
  await expect(file.read("toString")).rejects.toThrow('x has no tensor "toString"');
});
