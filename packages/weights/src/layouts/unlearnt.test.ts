import { readFile } from "node:fs/promises";
import { goldenPath } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import {
  bytesSource,
  convertLayout,
  openSafetensors,
  saveParams,
  streamParams,
  toBytes,
  toFloat32,
  withUnlearnt,
  type TensorFile,
} from "../index.ts";

const open = (bytes: Uint8Array): Promise<TensorFile> => openSafetensors(bytesSource(bytes), "memory");

/** The model as transformers' class saved it. */
const original = async (name: string): Promise<TensorFile> =>
  open(new Uint8Array(await readFile(goldenPath(`${name}/model.safetensors`))));

/** Its parameters by our names. */
async function paramsOf(file: TensorFile) {
  const ours = convertLayout(file, "huggingface");
  const entries = ours.names.map(async (name) => {
    return [name, { data: toFloat32(await ours.read(name)), shape: ours.describe(name).shape }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

const described = ({ names, describe }: TensorFile) =>
  Object.fromEntries(names.map((name) => [name, [describe(name).dtype, describe(name).shape]]));

test.each([
  ["align", "align", /\.num_batches_tracked$/u],
  ["dinov2-registers", "dual_encoder", /\.mask_token$/u],
  ["deit", "dual_encoder", undefined],
] as const)("what is written of %s has every tensor of transformers' own file", async (name, layout, unlearnt) => {
  const theirs = await original(name);
  const params = await paramsOf(theirs);
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamParams(params, { layout }).chunks()) chunks.push(chunk);
  const files = [
    withUnlearnt(convertLayout(theirs, layout), layout),
    await open(toBytes(await saveParams(params, { layout }))),
    await open(Uint8Array.from(Buffer.concat(chunks))),
  ];
  for (const file of files) {
    expect(described(file)).toEqual(described(theirs));
    const added = unlearnt === undefined ? [] : file.names.filter((tensor) => unlearnt.test(tensor));
    expect(added.length > 0).toBe(unlearnt !== undefined);
    for (const tensor of added) {
      const { bytes } = await file.read(tensor);
      expect([...bytes]).toEqual(Array.from(bytes, () => 0));
      expect(bytes.byteLength).toBe(file.describe(tensor).byteLength);
    }
    expect(Object.keys(await paramsOf(file)).toSorted()).toEqual(Object.keys(params).toSorted());
  }
});
