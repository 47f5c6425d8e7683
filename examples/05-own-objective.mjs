// An objective of one's own: CLIP's loss, and for each pair the distance between its two features, whose
// weight is learnt too. It trains on every engine, whole or in micro-batches, like a built-in one.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { param } from "@clip-ts/core";
import { createBatches, pairArrays, syntheticSource } from "@clip-ts/data";
import { clipPreprocess } from "@clip-ts/image";
import { clipSpec, contrastive, preset } from "@clip-ts/model";
import { startEngine } from "@clip-ts/engines";
import { tokenizerFor } from "@clip-ts/inference";
import { exportOnnxFolder, openClip, writeModel } from "@clip-ts/node";
import { createTraining } from "@clip-ts/training";
import { add, div, exp, mean, square, sub, sum } from "@tensorflow/tfjs-core";

const config = preset("nano");
const matching = contrastive(config);

const objective = {
  ...matching,
  inputs: { ...matching.inputs, compared: [...matching.inputs.compared, "spread"] },
  // What is done for each pair alone: a row more, whose gradient comes back as any row's does.
  encode(params, batch, options) {
    const { rows, statistics } = matching.encode(params, batch, options);
    return { rows: { ...rows, apart: sum(square(sub(rows.image, rows.text)), 1) }, statistics };
  },
  // What is done once the rows of all pairs are together: a normal density of the distances, with its own
  // spread (Kendall et al. 2018, arXiv:1705.07115, equation 7, which weights losses so).
  compare(params, rows, shared) {
    const { loss, metrics } = matching.compare(params, rows, shared);
    const apart = mean(rows.apart);
    const term = add(div(apart, exp(params.spread)), params.spread);
    return { loss: add(loss, term), metrics: { ...metrics, apart } };
  },
  bounds: { ...matching.bounds, spread: { min: -3, max: 3 } },
};
const spec = { ...clipSpec(config), spread: param([], { kind: "constant", value: 0 }, "scale") };

const preprocess = clipPreprocess(config.vision.imageSize);
const { tokenizer } = tokenizerFor(config);
const source = syntheticSource({ count: 64, seed: 1 });
const schedule = { kind: "constant", learningRate: 3e-3, warmupSteps: 0, steps: 40 };
const folder = await mkdtemp(join(tmpdir(), "clip-ts-example-"));

for (const [engine, accumulate] of [
  ["wasm", 1],
  ["onnx", 4],
]) {
  const { compiler } = await startEngine(engine);
  const options = { objective, spec, seed: 1, schedule, accumulate, engine: compiler };
  let training = await createTraining(options);
  const batches = createBatches({ source, tokenizer, preprocess, batchSize: 16, seed: 1 });
  for (let step = 1; step <= 40; step++) {
    if (step === 20) {
      // What it has learnt goes on in another training as if nothing had happened.
      const state = structuredClone(await training.read());
      await training.dispose();
      training = await createTraining({ ...options, state });
    }
    const { loss, apart } = await training.step(pairArrays(await batches.next()));
    if (step % 20 === 0) console.log(`${engine} ${step}  loss ${loss.toFixed(3)}  apart ${apart.toFixed(3)}`);
  }
  // The objective's own parameter stays here; the rest is a CLIP like any other.
  const { spread, ...model } = (await training.read()).params;
  console.log(`spread ${spread.data[0].toFixed(3)}`);
  await writeModel(folder, { config, preprocess, tokenizer }, model);
  await Promise.all([training.dispose(), batches.close()]);
}

const clip = await openClip(folder);
const { values } = await clip.embedTexts(["a red circle"]);
console.log(`a caption is ${values.length} numbers`);
clip.dispose();
await exportOnnxFolder(folder, folder, { precisions: ["f32"] });
console.log((await readdir(join(folder, "onnx"))).toSorted().join(" "));
await rm(folder, { recursive: true });
