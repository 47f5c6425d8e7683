import { fileURLToPath } from "node:url";
import { flattenTree } from "@clip-ts/core";
import { embedImages, embedTexts, formatClipConfig, formatOpenClipConfig, parseClipConfig } from "@clip-ts/model";
import { largestDifference } from "@clip-ts/test-utils";
import { convertLayout, openSafetensors, readAll, toFloat32, type HostTensor } from "@clip-ts/weights";
import { dispose, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { openFile } from "@clip-ts/files";
import { closing, loadModelParams, checkStoredPositions, withStoredPositions } from "@clip-ts/inference";
import { openModel, withWeights } from "./open-model.ts";

/** open_clip's own folders, by make_open_clip_options.py. */
const folderOf = (name: string): string =>
  fileURLToPath(new URL(`fixtures/open-clip-options/${name}`, import.meta.url));

async function expectedOf(name: string): Promise<Record<string, HostTensor>> {
  const source = await openFile(`${folderOf(name)}/expected.safetensors`);
  const tensors = await readAll(await openSafetensors(source));
  await source.close();
  return tensors;
}

test.each(["fixed-positions", "biased-projection", "biased-custom", "end-token-2", "named-gelu"])(
  "%s computes what open_clip computes, and keeps its names and options",
  async (name) => {
    const { config } = await openModel(folderOf(name));
    const { pixels, ids, image, text } = await expectedOf(name);
    const params = await closing(await openModel(folderOf(name)), loadModelParams);
    const found = {
      image: embedImages(params, tensor(toFloat32(pixels!), [...pixels!.shape]), config),
      text: embedTexts(params, tensor(toFloat32(ids!), [...ids!.shape], "int32"), config),
    };
    const difference = async (side: Tensor, expected: HostTensor): Promise<number> =>
      largestDifference(await side.data<"float32">(), toFloat32(expected));
    expect(await difference(found.image, image!)).toBeLessThan(1e-6);
    expect(await difference(found.text, text!)).toBeLessThan(1e-6);
    dispose([flattenTree<Tensor>(params), found]);

    const written = JSON.parse(JSON.stringify(formatClipConfig(config))) as unknown;
    expect(parseClipConfig(written)).toEqual(config);
    const back = JSON.parse(JSON.stringify(formatOpenClipConfig(config))) as unknown;
    expect(parseClipConfig(back)).toEqual(config);
  },
);

test("fixed positions are stored for open_clip, and others than they are refused", async () => {
  const folder = folderOf("fixed-positions");
  const { config } = await openModel(folder);
  const name = "visual.positional_embedding";
  await withWeights(folder, async (file) => {
    await checkStoredPositions(config, file);
    const without = { ...file, names: file.names.filter((other) => other !== name) };
    await checkStoredPositions(config, without);
    const restored = convertLayout(withStoredPositions(config, without), "openai");
    expect([...restored.names].toSorted()).toEqual([...file.names].toSorted());
    const stored = toFloat32(await file.read(name));
    expect(largestDifference(toFloat32(await restored.read(name)), stored)).toBeLessThan(1e-6);
    const read = async (asked: string): Promise<HostTensor> => {
      const { bytes, ...info } = await file.read(asked);
      return asked === name ? { ...info, bytes: bytes.map(() => 0) } : { ...info, bytes };
    };
    await expect(checkStoredPositions(config, { ...file, read })).rejects.toThrow(
      "holds positions other than the sines and cosines",
    );
  });
});

test("a projection with a bias keeps its form on the way to open_clip's names", async () => {
  for (const name of ["biased-projection", "biased-custom"]) {
    await withWeights(folderOf(name), (file) => {
      const names = convertLayout(convertLayout(file, "huggingface"), "openai").names;
      expect(names).toEqual(expect.arrayContaining(["text_projection.weight", "text_projection.bias"]));
      return Promise.resolve();
    });
  }
});
