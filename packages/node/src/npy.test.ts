import { expect, test } from "vitest";
import { npyChunks } from "./npy.ts";

test("the header is NumPy's, and the data begin at a multiple of 64", () => {
  const rows = { values: Float32Array.of(1, 2, 3, 4, 5, 6), rows: 2, dim: 3 };
  const bytes = Buffer.concat(npyChunks(rows));
  expect(bytes.subarray(0, 8)).toEqual(Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]));
  const start = 10 + bytes.readUInt16LE(8);
  expect(start % 64).toBe(0);
  const text = bytes.subarray(10, start).toString("latin1");
  expect(text.trimEnd()).toBe("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
  expect(text.endsWith("\n")).toBe(true);
  expect([0, 1, 2, 3, 4, 5].map((index) => bytes.readFloatLE(start + 4 * index))).toEqual([1, 2, 3, 4, 5, 6]);
  expect(bytes.length).toBe(start + 24);
});

test("a view of a larger buffer writes its own values only", () => {
  const values = Float32Array.of(9, 9, 1, 2).subarray(2);
  const [, data] = npyChunks({ values, rows: 1, dim: 2 });
  expect(data).toEqual(new Uint8Array(Float32Array.of(1, 2).buffer));
});
