import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { bytesSource, fromFloat32, fromInt32, openSafetensors, toFloat32, toInt32, type HostTensor } from "./index.ts";

const everyDtype = async () =>
  openSafetensors(bytesSource(await readFile(new URL("fixtures/every-dtype.safetensors", import.meta.url))));

test("PyTorch's half-precision bytes are ours, both ways", async () => {
  const file = await everyDtype();
  const values = toFloat32(await file.read("f32"));
  expect(values).toHaveLength(20);
  for (const [name, dtype] of [
    ["f16", "F16"],
    ["bf16", "BF16"],
  ] as const) {
    const stored = await file.read(name);
    const narrowed = fromFloat32(values, [values.length], dtype);
    expect([...narrowed.bytes]).toEqual([...stored.bytes]);
    const widened = toFloat32(stored);
    values.forEach((value, index) => {
      // Half a unit in the last place of an 8-bit fraction, or of the subnormals of F16.
      const tolerance = Math.max(Math.abs(value) * 2 ** -8, 2 ** -25);
      const found = widened[index] ?? 0;
      if (!Number.isFinite(value)) expect(found).toBe(value);
      else if (Number.isFinite(found)) expect(Math.abs(found - value)).toBeLessThanOrEqual(tolerance);
      else expect(Math.abs(value)).toBeGreaterThanOrEqual(65_520);
    });
  }
  expect(toFloat32(await file.read("f64"))).toEqual(values);
});

test("integers of every width", async () => {
  const file = await everyDtype();
  for (const name of ["i64", "i32", "i16", "i8"]) {
    expect([...toInt32(await file.read(name))]).toEqual([-2, 0, 1, 7]);
  }
  expect([...toInt32(await file.read("u8"))]).toEqual([2, 0, 1, 7]);
  expect([...toInt32(await file.read("bool"))]).toEqual([0, 0, 1, 1]);
  expect([...toInt32(fromInt32(Int32Array.of(1, -5), [2]))]).toEqual([1, -5]);
});

test("the wrong kind of number is an error that says which reader is right", () => {
  const integers = fromInt32(Int32Array.of(1), [1]);
  expect(() => toFloat32(integers)).toThrow("the tensor holds I32; read it with toInt32");
  expect(() => toInt32(fromFloat32(new Float32Array(1), [1]))).toThrow("holds F32; read it with");
});

test("an I64 beyond 32 bits is refused, not cut", () => {
  const bytes = new Uint8Array(BigInt64Array.of(2n ** 31n).buffer);
  expect(() => toInt32({ dtype: "I64", shape: [1], bytes })).toThrow("2147483648 does not fit");
});

test("values must fill the shape", () => {
  expect(() => fromFloat32(new Float32Array(5), [2, 3])).toThrow("F32 [2, 3] takes 24 bytes, but 20");
  expect(() => fromInt32(new Int32Array(5), [6])).toThrow("I32 [6] takes 24 bytes, but 20");
  const short: HostTensor = { dtype: "F16", shape: [2], bytes: new Uint8Array(3) };
  expect(() => toFloat32(short)).toThrow("F16 [2] takes 4 bytes, but 3");
});

test("bytes at an odd address are read all the same", () => {
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setFloat32(1, 0.25, true);
  new DataView(bytes.buffer).setFloat32(5, -8, true);
  for (const odd of [bytes.subarray(1), Buffer.from(bytes.buffer, 1)]) {
    expect([...toFloat32({ dtype: "F32", shape: [2], bytes: odd })]).toEqual([0.25, -8]);
  }
});
