import { readFile } from "node:fs/promises";
import { goldenPath } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import {
  bytesSource,
  convertLayout,
  convertTensors,
  fromFloat32,
  openWeights,
  readAll,
  type HostTensor,
  type TensorFile,
} from "../index.ts";

type HostTensors = Record<string, HostTensor>;

async function open(path: string | URL): Promise<TensorFile> {
  return openWeights(bytesSource(new Uint8Array(await readFile(path))), String(path));
}
const fixture = (name: string): Promise<TensorFile> => open(new URL(`fixtures/${name}`, import.meta.url));

/** The same names, shapes, dtypes and bytes. */
function expectEqual(actual: HostTensors, expected: HostTensors): void {
  expect(Object.keys(actual).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [name, { dtype, shape, bytes }] of Object.entries(expected)) {
    const { dtype: ours, shape: sides, bytes: values } = actual[name]!;
    expect([ours, sides], name).toEqual([dtype, shape]);
    expect(Buffer.compare(values, bytes), name).toBe(0);
  }
}

const heads = { vision: 2, text: 2 };

test.each(["big-vision.npz", "big-vision-scan.npz"])(
  "%s to our names and back is big_vision's own tree, bit by bit",
  async (name) => {
    const original = await fixture(name);
    const ours = await readAll(convertLayout(original, "huggingface"));
    const back = await convertTensors(ours, "big_vision", { heads });
    expectEqual(back, await readAll(await fixture("big-vision.npz"))); // one tensor a layer
    expectEqual(await convertTensors(back, "huggingface"), ours);
  },
);

test("a big_vision checkpoint as big_vision's is itself, its layers unstacked", async () => {
  const stacked = await readAll(await fixture("big-vision-scan.npz"));
  const written = await convertTensors(stacked, "big_vision", { heads });
  expectEqual(written, await readAll(await fixture("big-vision.npz")));
});

test("open_clip's SigLIP becomes the big_vision tree that it was made of", async () => {
  const openClip = await readAll(await fixture("open-clip-siglip.safetensors"));
  const written = await convertTensors(openClip, "big_vision", { heads });
  expectEqual(written, await readAll(await fixture("big-vision.npz")));
});

test.each([
  ["torchvision", "torchvision-vit/model.safetensors", /^heads\./],
  ["roberta", "roberta/model.safetensors", /^$/],
  ["dual_encoder", "dual-encoder/model.safetensors", /^$/],
] as const)("%s's own state dict to our names and back, bit by bit", async (layout, path, left) => {
  const original = await readAll(await open(goldenPath(path)));
  const ours = await convertTensors(original, "huggingface");
  const kept = Object.entries(original).filter(([name]) => !left.test(name));
  expectEqual(await convertTensors(ours, layout), Object.fromEntries(kept));
});

test("of a whole model a tower's layout takes the tower", async () => {
  const image = await readAll(await open(goldenPath("torchvision-vit/model.safetensors")));
  const text = await readAll(await open(goldenPath("roberta/model.safetensors")));
  const whole = {
    ...(await convertTensors(image, "huggingface")),
    ...(await convertTensors(text, "huggingface")),
    "visual_projection.weight": fromFloat32(Float32Array.of(1, 2), [1, 2]),
    logit_scale: fromFloat32(Float32Array.of(1), []),
  };
  expectEqual(await convertTensors(whole, "roberta"), text);
  const names = Object.keys(await convertTensors(whole, "torchvision"));
  expect(names).toHaveLength(Object.keys(image).length - 2); // without the classifier
});

test("what a layout does not hold is refused, saying what it holds", async () => {
  const clip = await readAll(await open(goldenPath("clip-vit/model.safetensors")));
  const siglip = await readAll(await open(goldenPath("siglip/model.safetensors")));
  await expect(convertTensors(clip, "torchvision")).rejects.toThrow(
    /torchvision, which holds torchvision's vision transformer: there is no place for vision_model\.pre_layrnorm/,
  );
  await expect(convertTensors(clip, "roberta")).rejects.toThrow(
    "roberta, which holds RoBERTa: this is another model. Write it as",
  );
  await expect(convertTensors(clip, "big_vision", { heads })).rejects.toThrow(
    /big_vision, which holds SigLIP: there is no place for/,
  );
  await expect(convertTensors(siglip, "dual_encoder")).rejects.toThrow(/there is no place for/);
  await expect(convertTensors(siglip, "big_vision")).rejects.toThrow("give heads, such as { vision: 12, text: 12 }");
  await expect(convertTensors(siglip, "big_vision", { heads: { vision: 4, text: 5 } })).rejects.toThrow(
    /text_model\.encoder\.layers\.0\..*cannot be converted/,
  );
});
