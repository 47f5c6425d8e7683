import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import {
  bytesSource,
  openPytorch,
  openSafetensors,
  openWeights,
  readAll,
  type HostTensor,
  type TensorFile,
} from "../index.ts";

const fixture = async (name: string): Promise<Uint8Array> =>
  new Uint8Array(await readFile(new URL(`fixtures/${name}`, import.meta.url)));
const open = async (name: string): Promise<TensorFile> => openPytorch(bytesSource(await fixture(name)), name);
const expected = async (name: string): Promise<Record<string, HostTensor>> =>
  readAll(await openSafetensors(bytesSource(await fixture(name))));

const plain = (tensors: Record<string, HostTensor>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => [name, { dtype, shape, bytes: [...bytes] }]),
  );

test("every type, stride and shared storage is read as PyTorch reads it", async () => {
  const file = await open("state-dict.pt");
  expect(plain(await readAll(file))).toEqual(plain(await expected("expected.safetensors")));
  expect(file.describe("transposed")).toEqual({ dtype: "F32", shape: [4, 6], byteLength: 96 });
});

test("rows are read alone, of strided tensors too", async () => {
  const file = await open("state-dict.pt");
  const whole = await expected("expected.safetensors");
  for (const name of ["whole", "transposed", "columns"]) {
    const { bytes, shape } = whole[name] as HostTensor;
    const perRow = bytes.byteLength / (shape[0] ?? 1);
    const rows = await file.read(name, [1, 3]);
    expect([...rows.bytes], name).toEqual([...bytes.subarray(perRow, 3 * perRow)]);
  }
  await expect(file.read("whole", [5, 9])).rejects.toThrow("Expected rows within 0 to 6");
});

test("only the bytes of the tensor asked for are read", async () => {
  const bytes = await fixture("state-dict.pt");
  let reads: number[] = [];
  const source = {
    size: bytes.byteLength,
    read: (offset: number, length: number) => {
      reads.push(length);
      return bytesSource(bytes).read(offset, length);
    },
  };
  const file = await openPytorch(source, "counted");
  reads = [];
  await file.read("rows");
  expect(reads).toEqual([30, 3 * 4 * 4]); // the entry's header, the rows
});

test("the weights of a training checkpoint are found below state_dict", async () => {
  const file = await open("training.pt");
  expect(file.names).toContain("module.whole");
  expect(file.names).not.toContain("exp_avg");
  const { bytes } = (await expected("expected.safetensors"))["whole"] as HostTensor;
  expect([...(await file.read("module.whole")).bytes]).toEqual([...bytes]);
});

test("a TorchScript archive gives its modules' attributes; its code is never looked at", async () => {
  const tensors = await readAll(await openWeights(bytesSource(await fixture("script.pt")), "script"));
  expect(plain(tensors)).toEqual(plain(await expected("script-expected.safetensors")));
});

test("formats are told from the content", async () => {
  const zip = await openWeights(bytesSource(await fixture("state-dict.pt")), "a");
  expect(zip.names).toContain("whole");
  const plainFile = await openWeights(bytesSource(await fixture("expected.safetensors")), "b");
  expect(plainFile.names).toContain("whole");
  const old = Uint8Array.of(0x80, 2, 0x8a, 10);
  await expect(openWeights(bytesSource(old), "old.pt")).rejects.toThrow("before version 1.6");
  for (const length of [0x50, 0x4b50, 0x80, 0x0280]) {
    // headers whose length begins like another format
    const json = JSON.stringify({ a: { dtype: "U8", shape: [1], data_offsets: [0, 1] } });
    const bytes = new Uint8Array(8 + length + 1);
    bytes.set([length & 255, length >> 8]);
    bytes.set(new TextEncoder().encode(json.padEnd(length)), 8);
    expect((await openWeights(bytesSource(bytes), "short")).names).toEqual(["a"]);
  }
  await expect(zip.read("nothing")).rejects.toThrow('a has no tensor "nothing"');
});
