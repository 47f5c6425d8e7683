// Train here, serve with @huggingface/transformers, and the way back.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBatches, pairArrays, syntheticSource } from "@clip-ts/data";
import { startEngine } from "@clip-ts/engines";
import { clipPreprocess, fromTransformersProcessor } from "@clip-ts/image";
import { clipSpec, contrastive, preset } from "@clip-ts/model";
import { exportOnnxFolder, openClip, writeModel } from "@clip-ts/node";
import { createClipTokenizer, fromTransformersTokenizer } from "@clip-ts/tokenizer";
import { createTraining } from "@clip-ts/training";
import {
  AutoProcessor,
  AutoTokenizer,
  CLIPTextModelWithProjection,
  CLIPVisionModelWithProjection,
  env,
  pipeline,
  RawImage,
} from "@huggingface/transformers";

env.allowRemoteModels = false; // a local folder is all that is used

// A small model, trained for a few seconds.
const root = await mkdtemp(join(tmpdir(), "clip-ts-example-"));
const [folder, graphs] = [join(root, "model"), join(root, "graphs")];
const config = preset("tiny");
const { vocabSize, contextLength } = config.text;
const tokenizer = createClipTokenizer({ vocabSize, contextLength });
const preprocess = clipPreprocess(config.vision.imageSize);
const source = syntheticSource({ count: 64, seed: 1, size: config.vision.imageSize });
const batches = createBatches({ source, tokenizer, preprocess, batchSize: 16, seed: 1 });
const { compiler } = await startEngine("onnx");
const training = await createTraining({
  objective: contrastive(config),
  spec: clipSpec(config),
  schedule: { kind: "constant", learningRate: 2e-3, warmupSteps: 0, steps: 30 },
  clipNorm: 1,
  engine: compiler,
});
for (let step = 1; step <= 30; step++) {
  const { loss } = await training.step(pairArrays(await batches.next()));
  if (step === 1 || step % 15 === 0) console.log(`step ${step}  loss ${loss.toFixed(3)}`);
}
await writeModel(folder, { config, preprocess, tokenizer }, (await training.read()).params);
await Promise.all([training.dispose(), batches.close()]);
await exportOnnxFolder(folder, graphs, { precisions: ["f32", "q8"] });

// Features of a picture and a caption: here from the weights, there from the graphs.
const picture = await source.records[0].loadImage();
const [caption] = source.records[0].captions;
const clip = await openClip(folder, { engine: "onnx" });
const ours = { image: (await clip.embedImages([picture])).values, text: (await clip.embedTexts([caption])).values };
clip.dispose();

const processor = await AutoProcessor.from_pretrained(graphs);
const words = await AutoTokenizer.from_pretrained(graphs);
const image = new RawImage(picture.data, picture.width, picture.height, picture.channels);
const vision = await CLIPVisionModelWithProjection.from_pretrained(graphs, { dtype: "fp32" });
const text = await CLIPTextModelWithProjection.from_pretrained(graphs, { dtype: "fp32" });
const { image_embeds } = await vision(await processor.image_processor(image));
const { text_embeds } = await text(words([caption], { padding: true, truncation: true }));

const unit = (row) => row.map((value) => value / Math.hypot(...row));
const difference = (a, b) => Math.max(...a.map((value, at) => Math.abs(value - b[at]))).toExponential(1);
console.log("there, a picture: largest difference", difference(ours.image, unit(image_embeds.data)));
console.log("there, a caption: largest difference", difference(ours.text, unit(text_embeds.data)));

// The way back: clip-ts embeds with a folder of graphs, with the library's own tokenizer and processor too.
const back = await openClip(graphs, {
  tokenizer: fromTransformersTokenizer(words),
  preprocess: fromTransformersProcessor(processor, RawImage),
});
console.log("back, a picture: largest difference", difference(ours.image, (await back.embedImages([picture])).values));
console.log("back, a caption: largest difference", difference(ours.text, (await back.embedTexts([caption])).values));
back.dispose();

const classify = await pipeline("zero-shot-image-classification", graphs, { dtype: "q8" });
const labels = [...new Set(source.records.slice(0, 8).flatMap(({ captions }) => captions))];
const [best] = await classify(image, labels, { hypothesis_template: "{}" });
console.log(`transformers.js says: ${best.label}`);
const theirs = fromTransformersTokenizer(words);
console.log(
  "captions with other ids",
  labels.filter((label) => `${theirs.encode(label)}` !== `${tokenizer.encode(label)}`).length,
);
await Promise.all([vision.dispose(), text.dispose(), classify.dispose()]);
await rm(root, { recursive: true });
