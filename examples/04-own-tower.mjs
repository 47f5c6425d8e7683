// A vision tower of one's own, a small convolutional one, in the place of a built-in one.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { conv2d, conv2dSpec, layerNorm, layerNormSpec, normal, withTraits } from "@clip-ts/core";
import { createBatches, pairArrays, syntheticSource } from "@clip-ts/data";
import { clipPreprocess, preprocess as toPixels } from "@clip-ts/image";
import { clipSpec, contrastive, preset } from "@clip-ts/model";
import { startEngine } from "@clip-ts/engines";
import { tokenizerFor } from "@clip-ts/inference";
import { exportOnnxFolder, openClip, writeModel } from "@clip-ts/node";
import { createTraining } from "@clip-ts/training";
import { defineVisionTower } from "@clip-ts/vision-encoder";
import { mean, relu, transpose } from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor } from "onnxruntime-node";

const convnet = defineVisionTower({
  name: "convnet",
  // Parameters in a tree of any form: shapes, starting values, what each is.
  spec({ channels, widths }) {
    const stage = (inputs, width) => ({
      conv: conv2dSpec(inputs, width, { kernel: 3, weight: normal((9 * inputs) ** -0.5) }),
      norm: layerNormSpec(width),
    });
    const inputs = [channels, ...widths];
    return {
      stages: widths.map((width, at) => withTraits(stage(inputs[at], width), { depth: at })),
    };
  },
  // Pixels [batch, channels, size, size] to one feature for each image, by operations of tfjs.
  encode({ stages }, pixels) {
    let x = transpose(pixels, [0, 2, 3, 1]); // channels last
    for (const { conv, norm } of stages) {
      x = relu(layerNorm(norm, conv2d(conv, x, { stride: 2, padding: 1 })));
    }
    return { pooled: mean(x, [1, 2]) };
  },
  width: ({ widths }) => widths.at(-1),
});

// A model with it is trained and written like any other.
const { compiler } = await startEngine("onnx");
const vision = convnet.config({ imageSize: 16, widths: [12, 24, 48] });
const config = { ...preset("nano"), vision };
const { tokenizer } = tokenizerFor(config);
const preprocess = clipPreprocess(vision.imageSize);
const source = syntheticSource({ count: 64, seed: 1 });
const batches = createBatches({ source, tokenizer, preprocess, batchSize: 16, seed: 1 });
const training = await createTraining({
  objective: contrastive(config),
  spec: clipSpec(config),
  schedule: { kind: "constant", learningRate: 3e-3, warmupSteps: 0, steps: 60 },
  clipNorm: 1,
  engine: compiler,
});
for (let step = 1; step <= 60; step++) {
  const { loss } = await training.step(pairArrays(await batches.next()));
  if (step % 20 === 0) console.log(`step ${step}  loss ${loss.toFixed(3)}`);
}
const folder = await mkdtemp(join(tmpdir(), "clip-ts-example-"));
await writeModel(folder, { config, preprocess, tokenizer }, (await training.read()).params);
await Promise.all([training.dispose(), batches.close()]);

// Its files only name the tower, so whoever opens them brings it along.
const image = await source.records[0].loadImage();
const show = (where, [first]) => console.log(`${where.padEnd(12)}${first.toFixed(4)}`);
for (const engine of ["cpu", "wasm", "onnx"]) {
  const clip = await openClip(folder, { engine, towers: [convnet] });
  show(engine, (await clip.embedImages([image])).values);
  clip.dispose();
}

// The graphs of an export are for everybody: they need neither the tower nor clip-ts.
await exportOnnxFolder(folder, folder, { towers: [convnet], precisions: ["f32"] });
const session = await InferenceSession.create(join(folder, "onnx", "vision_model.onnx"));
const pixel_values = new Tensor("float32", toPixels(image, preprocess), [1, 3, 16, 16]);
const { data } = (await session.run({ pixel_values })).image_embeds;
show("exported", [data[0] / Math.hypot(...data)]);
await rm(folder, { recursive: true });
