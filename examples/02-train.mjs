// Train CLIP: schedule, clipping, a moving average and micro-batches, on the fastest engine there is.
import { createBatches, pairArrays, syntheticSource } from "@clip-ts/data";
import { clipPreprocess } from "@clip-ts/image";
import { clipSpec, contrastive, preset } from "@clip-ts/model";
import { startEngine } from "@clip-ts/engines";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { createTraining, train } from "@clip-ts/training";

const steps = 60;
const { compiler } = await startEngine("auto");
const config = preset("nano");
const { vocabSize, contextLength } = config.text;
const pairs = createBatches({
  source: syntheticSource({ count: 64, seed: 1 }),
  tokenizer: createClipTokenizer({ vocabSize, contextLength }),
  preprocess: clipPreprocess(config.vision.imageSize),
  batchSize: 16,
  seed: 1,
});
const training = await createTraining({
  objective: contrastive(config), // what is made small
  spec: clipSpec(config), // every parameter: shape, start, role
  seed: 1,
  optimizer: { kind: "adamw", weightDecay: 0.1 },
  schedule: { kind: "cosine", learningRate: 5e-3, warmupSteps: 5, steps },
  clipNorm: 1,
  ema: { decay: 0.95 },
  accumulate: 2, // the step stays that of all 16 pairs
  engine: compiler,
});
const report = ({ step, numbers: { loss, gradNorm } }) => {
  if (step % 20 !== 19) return;
  console.log(`step ${step + 1}  loss ${loss.toFixed(3)}  gradient ${gradNorm.toFixed(2)}`);
};
const batches = { next: async () => pairArrays(await pairs.next()) };
await train({ steps, training, batches, report });
await training.evaluate(({ ema }) => console.log(Object.keys(ema).length, "averaged leaves"));
await training.dispose();
await pairs.close();
