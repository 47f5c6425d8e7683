import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { makeZip } from "../fixtures/make-zip.ts";
import { openZip } from "../zip/zip.ts";
import type { ZipEntry } from "../zip/directory.ts";
import { formatNpyHeader } from "./npy-header.ts";
import { bytesSource, openWeights, toFloat32, toInt32, type TensorFile } from "../index.ts";

const open = async (name: string): Promise<TensorFile> => {
  const bytes = await readFile(new URL(`fixtures/${name}`, import.meta.url)); // by numpy.savez
  return openWeights(bytesSource(new Uint8Array(bytes)), name);
};

for (const name of ["stored.npz", "packed.npz"]) {
  test(`${name}: NumPy's types and orders are read as NumPy reads them`, async () => {
    const file = await open(name);
    const values = toFloat32(await file.read("params/a"));
    expect(file.describe("params/a")).toEqual({ dtype: "F32", shape: [3, 4], byteLength: 48 });
    expect(values[0]).toBeCloseTo(0.12573022, 7); // default_rng(0).standard_normal()
    expect(toFloat32(await file.read("params/fortran"))).toEqual(values);
    expect(toFloat32(await file.read("params/a", [1, 2]))).toEqual(values.slice(4, 8));
    expect(toFloat32(await file.read("params/fortran", [1, 2]))).toEqual(values.slice(4, 8));
    expect((await file.read("params/half")).dtype).toBe("F16");
    const bfloat = toFloat32(await file.read("params/bfloat"));
    for (const [index, value] of values.entries()) {
      expect(Math.abs((bfloat[index] ?? 0) - value)).toBeLessThan(Math.abs(value) / 128);
    }
    expect([...toFloat32(await file.read("params/scalar"))]).toEqual([2.5]);
    expect([...toInt32(await file.read("params/int"))]).toEqual([1, -2]);
  });
}

test("arrays of objects, wrong sizes and foreign files are refused", async () => {
  const header = (text: string): Uint8Array =>
    new Uint8Array(
      Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), Buffer.from([text.length, 0]), Buffer.from(text)]),
    );
  const cases: [Uint8Array, string][] = [
    [header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), "cannot be read here"],
    [header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"), "does not fit its storage"],
    [Buffer.from("no array at all"), "is no NumPy array"],
  ];
  for (const [bytes, message] of cases) {
    const archive = makeZip([{ name: "a.npy", bytes: new Uint8Array(bytes) }]);
    await expect(openWeights(bytesSource(archive), "bad.npz")).rejects.toThrow(message);
  }
});

for (const name of ["stored.npz", "packed.npz"]) {
  test(`${name}: a value changed by one bit is refused, as NumPy refuses it, and others are read`, async () => {
    const bytes = new Uint8Array(await readFile(new URL(`fixtures/${name}`, import.meta.url)));
    const { entries } = await openZip(bytesSource(bytes), name);
    const entry = entries.get("params/a.npy") as ZipEntry;
    const last = entry.headerOffset + 30 + entry.name.length + entry.storedSize - 1;
    bytes[last - 8] = (bytes[last - 8] ?? 0) ^ 1;
    const file = await openWeights(bytesSource(bytes), name);
    await expect(file.read("params/a")).rejects.toThrow(/params\/a.npy.*(CRC-32|damaged|unpack)/);
    expect([...toFloat32(await file.read("params/scalar"))]).toEqual([2.5]);
  });
}

test("a packed array whose checksum is another is refused", async () => {
  const bytes = formatNpyHeader({ dtype: "U8", shape: [0] });
  for (const isDeflated of [true, false]) {
    const archive = makeZip([{ name: "a.npy", bytes, isDeflated, claimedChecksum: 1 }]);
    const file = await openWeights(bytesSource(archive), "bad.npz");
    await expect(file.read("a")).rejects.toThrow("bad.npz: a.npy is damaged: its CRC-32");
  }
});
