// Images that patches do not fill, against transformers and open_clip: tools/peers/make_odd_sizes.py.
import { unflattenLike } from "@clip-ts/core";
import { goldenArrays, goldenJson, relativeError, useEngine, type GoldenArray } from "@clip-ts/test-utils";
import { convertTensors, toFloat32, type HostTensor } from "@clip-ts/weights";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { parseClipConfig } from "./config-files/hugging-face.ts";
import { lossGradients } from "./forward.ts";
import { clipSpec, type ClipParams } from "./spec.ts";

afterAll(() => useEngine("cpu"));

/** Reference arrays under clip-ts's own names. */
async function canonical(file: string): Promise<Record<string, HostTensor>> {
  const hosted = Object.entries(goldenArrays(file)).map(([name, { values, ...array }]) => {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return [name, { ...array, bytes }] as [string, HostTensor];
  });
  return convertTensors(Object.fromEntries(hosted), "huggingface");
}

const upload = ({ values, shape, dtype }: GoldenArray): Tensor =>
  tensor(values, [...shape], dtype === "I32" ? "int32" : "float32");

const originals = [
  ["transformers' SigLIP, 32 pixels in patches of 5", "siglip", "config.json", "model.safetensors"],
  ["open_clip's ViT, 16 pixels in patches of 3", "open-clip", "open_clip_config.json", "open_clip_model.safetensors"],
] as const;

for (const engine of ["cpu", "wasm"] as const) {
  test.each(originals)(`%s: features, loss and gradients (${engine})`, async (_, name, configFile, weightsFile) => {
    await useEngine(engine);
    const folder = `odd-sizes/${name}`;
    const config = parseClipConfig(goldenJson(`${folder}/${configFile}`));
    const leaves = Object.entries(await canonical(`${folder}/${weightsFile}`)).map(
      ([path, leaf]) => [path, tensor(toFloat32(leaf), [...leaf.shape])] as const,
    );
    const params = unflattenLike(clipSpec(config), Object.fromEntries(leaves)) as ClipParams;
    const io = goldenArrays(`${folder}/io.safetensors`);
    const batch = {
      pixelValues: upload(io["pixel_values"]!),
      inputIds: upload(io["input_ids"]!),
    };
    const { output, gradients } = lossGradients(params, batch, config);
    for (const [ours, theirs] of [
      [output.imageFeatures, "image_embeds"],
      [output.textFeatures, "text_embeds"],
      [output.loss, "loss"],
    ] as const) {
      const error = relativeError(await ours.data(), io[theirs]!.values);
      expect(error, theirs).toBeLessThan(1e-5);
    }
    const expected = await canonical(`${folder}/grads.safetensors`);
    expect(Object.keys(gradients).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const [path, gradient] of Object.entries(expected)) {
      const error = relativeError(await gradients[path]!.data(), toFloat32(gradient), 1e-3);
      expect(error, path).toBeLessThan(1e-4);
    }
  });
}
