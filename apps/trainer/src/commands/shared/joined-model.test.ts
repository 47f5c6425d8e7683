// A model of two reference towers, for the tests of commands.
import { mkdtemp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatClipConfig, type ClipConfig } from "@clip-ts/model";
import { goldenPath, goldenTowers } from "@clip-ts/test-utils";
import {
  bytesSource,
  convertTensors,
  fromFloat32,
  openWeights,
  readAll,
  serializeSafetensors,
  toBytes,
  type HostTensor,
} from "@clip-ts/weights";
import { expect, test } from "vitest";
import { openModel } from "@clip-ts/node";

/** Every tensor of a file of weights. */
export async function readTensors(path: string): Promise<Record<string, HostTensor>> {
  return readAll(await openWeights(bytesSource(await readFile(path)), path));
}

const joined: ClipConfig = {
  projectionDim: 48,
  initialLogitScale: 0,
  vision: goldenTowers.torchvision,
  text: goldenTowers.roberta,
};

/** [48, width]: keeps the first 48 values. */
function cutting(width: number): HostTensor {
  const values = new Float32Array(48 * width);
  for (let row = 0; row < 48; row++) values[row * width + row] = 1;
  return fromFloat32(values, [48, width]);
}

/** Writes torchvision's ViT and RoBERTa as one model, with heads that only cut. @returns the folder. */
export async function writeJoinedModel(folder: string): Promise<string> {
  const image = await readTensors(goldenPath("torchvision-vit/model.safetensors"));
  const text = await readTensors(goldenPath("roberta/model.safetensors"));
  const weights = {
    ...(await convertTensors(image, "huggingface")),
    ...(await convertTensors(text, "huggingface")),
    "visual_projection.weight": cutting(64),
    "text_projection.weight": cutting(48),
    logit_scale: fromFloat32(new Float32Array(1), []),
  };
  await mkdir(folder);
  await writeFile(join(folder, "config.json"), JSON.stringify(formatClipConfig(joined)));
  await writeFile(join(folder, "model.safetensors"), toBytes(serializeSafetensors(weights)));
  return folder;
}

test("the model of two reference towers is one that opens", async () => {
  const folder = await mkdtemp(join(tmpdir(), "clip-ts-joined-"));
  const { config } = await openModel(await writeJoinedModel(join(folder, "model")));
  expect(config).toEqual(joined);
  await rm(folder, { recursive: true });
});
