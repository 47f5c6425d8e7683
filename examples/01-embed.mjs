// Make a model folder, open it, and compare pictures with captions.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { syntheticSource } from "@clip-ts/data";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { startEngine } from "@clip-ts/engines";
import { tokenizerFor } from "@clip-ts/inference";
import { openClip, writeModel } from "@clip-ts/node";

await startEngine("cpu");
const config = preset("nano");
const folder = await mkdtemp(join(tmpdir(), "clip-ts-example-"));
const preprocess = clipPreprocess(config.vision.imageSize);
await writeModel(folder, { config, preprocess, ...tokenizerFor(config) }, initClip(config, 7));

const clip = await openClip(folder, { engine: "cpu" });
const [record] = syntheticSource({ count: 1, seed: 1 }).records;
const image = await record.loadImage();
const features = await clip.embedImages([image]);
console.log(`an image is ${features.dim} numbers of length 1`);
for (const { label, probability } of await clip.classify(image, ["circle", "square", "star"])) {
  console.log(`${(100 * probability).toFixed(1).padStart(5)} %  ${label}`);
}
clip.dispose();
await rm(folder, { recursive: true });
