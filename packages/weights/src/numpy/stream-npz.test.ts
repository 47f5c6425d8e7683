import { crc32 } from "@clip-ts/base";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import {
  bytesSource,
  lazyTensors,
  openWeights,
  readAll,
  streamNpz,
  type LazyTensor,
  type TensorFile,
} from "../index.ts";

const read = async (name: string): Promise<Uint8Array> =>
  new Uint8Array(await readFile(new URL(name, import.meta.url)));

async function written(tensors: Record<string, LazyTensor>): Promise<Uint8Array> {
  const { byteLength, chunks } = streamNpz(tensors);
  const parts: Uint8Array[] = [];
  for await (const part of chunks()) parts.push(part);
  const bytes = new Uint8Array(Buffer.concat(parts));
  expect(bytes.byteLength).toBe(byteLength);
  return bytes;
}

const opened = (bytes: Uint8Array): Promise<TensorFile> => openWeights(bytesSource(bytes), "written.npz");

test("an archive of NumPy's, read and written, holds the same arrays", async () => {
  for (const name of ["fixtures/stored.npz", "../layouts/fixtures/big-vision.npz"]) {
    const original = await opened(await read(name));
    const copy = await opened(await written(lazyTensors(original)));
    expect(copy.names).toEqual(original.names);
    expect(await readAll(copy)).toEqual(await readAll(original));
  }
});

test("each array's file has the header that NumPy writes, and its checksum", async () => {
  const original = await read("../layouts/fixtures/big-vision.npz"); // by numpy.savez
  const theirs = Buffer.from(original);
  const ours = Buffer.from(await written(lazyTensors(await opened(original))));
  const magic = Buffer.from("\x93NUMPY\x01\x00", "latin1");
  let [at, from] = [0, 0];
  for (let index = 0; index < (await opened(original)).names.length; index++) {
    [at, from] = [ours.indexOf(magic, at + 1), theirs.indexOf(magic, from + 1)];
    const length = 10 + theirs.readUInt16LE(from + 8);
    expect(ours.subarray(at, at + length)).toEqual(theirs.subarray(from, from + length));
  }
  const checksums = (archive: Buffer): number[] => {
    const found: number[] = [];
    const signature = Buffer.from([0x50, 0x4b, 0x01, 0x02]);
    for (let at = archive.indexOf(signature); at >= 0; at = archive.indexOf(signature, at + 1)) {
      found.push(archive.readUInt32LE(at + 16));
    }
    return found;
  };
  expect(checksums(ours)).toEqual(checksums(theirs));
});

test("the checksum is CRC-32, over any split into parts", () => {
  const digits = new TextEncoder().encode("123456789");
  expect(crc32(digits)).toBe(0xcbf43926); // the check value of CRC-32/ISO-HDLC
  expect(crc32(digits.subarray(4), crc32(digits.subarray(0, 4)))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array())).toBe(0);
});

test("a tensor that is not as large as announced is refused when the file reaches it", async () => {
  const short: LazyTensor = {
    dtype: "F32",
    shape: [2],
    load: () => Promise.resolve({ dtype: "F32", shape: [2], bytes: new Uint8Array(4) }),
  };
  await expect(written({ short })).rejects.toThrow("short: F32 [2] takes 8 bytes, but 4 were given");
});
