import { readdir, rm, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { randomStream } from "@clip-ts/base";
import { mapTree } from "@clip-ts/core";
import { clipPreprocess, type Pixels } from "@clip-ts/image";
import { initClip, preset, type ClipParams } from "@clip-ts/model";
import { mul, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "./write-model.ts";

/** Weights as large as training makes them, so that images and captions come out unlike each other. */
const strengthened = (leaf: Tensor): Tensor => (leaf.rank === 2 ? mul(leaf, 2) : leaf);

/** Writes a small model with CLIP's own tokenizer. @returns its folder. */
export async function writeTestModel(folder: string): Promise<string> {
  const config = preset("tiny");
  const params = mapTree<ClipParams, Tensor, Tensor>(initClip(config, 7), strengthened);
  const preprocess = clipPreprocess(config.vision.imageSize);
  await writeModel(folder, { config, preprocess, ...tokenizerFor(config) }, params);
  return folder;
}

/** A picture of the model's own size, so that libraries that resize in unlike ways agree. */
export function testPicture(seed = 0): Pixels {
  const random = randomStream(3, "picture", seed);
  const data = Uint8Array.from({ length: 32 * 32 * 3 }, () => Math.floor(random.uniform() * 256));
  return { data, width: 32, height: 32, channels: 3 };
}

test("the model is a folder with weights, config, preprocessing and tokenizer", async () => {
  const folder = await mkdtemp(join(tmpdir(), "clip-ts-test-model-"));
  expect(await readdir(await writeTestModel(folder))).toHaveLength(5);
  expect(testPicture(1)).not.toEqual(testPicture());
  await rm(folder, { recursive: true });
});
