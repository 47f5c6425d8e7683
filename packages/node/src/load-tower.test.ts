import { flattenTree } from "@clip-ts/core";
import { preset, type ClipConfig } from "@clip-ts/model";
import { goldenArrays, goldenPath, goldenTensors, goldenTowers, largestDifference } from "@clip-ts/test-utils";
import { encodeText } from "@clip-ts/text-encoder";
import { resizePositions } from "@clip-ts/vision-encoder";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { loadTower, type TowerSide } from "@clip-ts/inference";
import { withWeights } from "./open-model.ts";

/** The source model's kinds of towers, at the sizes of the reference checkpoints. */
const config: ClipConfig = {
  ...preset("ViT-B-32-roberta"),
  vision: goldenTowers.torchvision,
  text: goldenTowers.roberta,
};

const load = <Side extends TowerSide>(
  path: string,
  config: ClipConfig,
  side: Side,
): ReturnType<typeof loadTower<Side>> => withWeights(path, (file) => loadTower(file, config, side));

test("torchvision's and RoBERTa's checkpoints become the towers of one model", async () => {
  const image = await load(goldenPath("torchvision-vit/model.safetensors"), config, "vision");
  const words = await load(goldenPath("roberta/model.safetensors"), config, "text");
  const towers = flattenTree<Tensor>({ image, words });
  const values = async (path: string): Promise<number[]> => [...(await towers[path]!.data())];
  const stored = {
    ...goldenArrays("torchvision-vit/model.safetensors"),
    ...goldenArrays("roberta/model.safetensors"),
  };
  const layer = "encoder.layers.encoder_layer_1.self_attention.in_proj_weight";
  expect(await values("image.encoder.layers.1.self_attn.k_proj.weight")).toEqual(
    Array.from(stored[layer]!.values.slice(64 * 64, 2 * 64 * 64)),
  );
  expect(await values("words.encoder.layer.1.attention.self.value.bias")).toEqual([
    ...stored["encoder.layer.1.attention.self.value.bias"]!.values,
  ]);
  dispose(towers);
});

test("a tower of other sizes is refused with a list of what does not fit", async () => {
  const path = goldenPath("roberta/model.safetensors");
  const deeper = { ...config, text: { ...config.text, layers: 3 } } as ClipConfig;
  await expect(load(path, deeper, "text")).rejects.toThrow(
    "encoder.layer.2.attention.self.query.weight: missing from the file",
  );
});

test("positions of a vision tower for other images are interpolated, the rest stays", async () => {
  const path = goldenPath("torchvision-vit/model.safetensors");
  const larger = { ...config, vision: { ...goldenTowers.torchvision, imageSize: 48 } };
  const at = async (wanted: ClipConfig): Promise<Record<string, Tensor>> =>
    flattenTree<Tensor>(await load(path, wanted, "vision"));
  const [stored, resized] = [await at(config), await at(larger)];
  const name = "embeddings.position_embedding.weight";
  const expected = resizePositions(stored[name]!, 4, 6);
  expect(resized[name]!.shape).toEqual([1 + 36, 64]);
  expect([...(await resized[name]!.data())]).toEqual([...(await expected.data())]);
  const kernel = "embeddings.patch_embedding.weight";
  expect([...(await resized[kernel]!.data())]).toEqual([...(await stored[kernel]!.data())]);
  dispose([stored, resized, expected]);
});

test("CLIP's text tower comes out of a folder that holds it alone with its projection", async () => {
  const path = goldenPath("projected-towers/text/model.safetensors");
  const text = {
    width: 16,
    heads: 2,
    layers: 2,
    mlpWidth: 24,
    activation: "gelu",
    layerNormEps: 1e-5,
    vocabSize: 40,
    contextLength: 8,
    startTokenId: 38,
    endTokenId: 39,
    padTokenId: 0,
  } as const;
  const tower = await load(path, { ...preset("nano"), text }, "text");
  const io = goldenTensors("projected-towers/text/io.safetensors");
  const { lastHidden } = encodeText(tower, io["input_ids"]!, text);
  const expected = await io["last_hidden"]!.data();
  expect(largestDifference(await lastHidden.data(), expected)).toBeLessThan(1e-5);
  dispose(flattenTree<Tensor>(tower));
});
