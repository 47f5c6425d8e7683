// Train CLIP from its parts: batches, gradient, update. Everything between is plain functions.
import { flattenTree, unflattenLike, valueAndGradient } from "@clip-ts/core";
import { createBatches, syntheticSource } from "@clip-ts/data";
import { clipPreprocess } from "@clip-ts/image";
import { clipSpec, forward, initClip, preset } from "@clip-ts/model";
import { startEngine } from "@clip-ts/node";
import { createOptimizer } from "@clip-ts/optim";
import { createClipTokenizer } from "@clip-ts/tokenizer";
import { dispose, tensor } from "@tensorflow/tfjs-core";

await startEngine("wasm");
const config = preset("nano");
const spec = clipSpec(config);
const { vocabSize, contextLength } = config.text;
const batches = createBatches({
  source: syntheticSource({ count: 64, seed: 1 }),
  tokenizer: createClipTokenizer({ vocabSize, contextLength }),
  preprocess: clipPreprocess(config.vision.imageSize),
  batchSize: 8,
  seed: 1,
});
const pairs = ({ pixelValues, inputIds, batch, imageSize, tokens }) => ({
  pixelValues: tensor(pixelValues, [batch, 3, imageSize, imageSize]),
  inputIds: tensor(inputIds, [batch, tokens], "int32"),
});

let params = flattenTree(initClip(config, 1));
const optimizer = createOptimizer({ kind: "adamw", weightDecay: 0.1 }, params);
let slots = optimizer.init();
for (let step = 0; step < 30; step++) {
  const batch = pairs(await batches.next());
  const { value, gradient } = valueAndGradient(
    (tree) => ({ loss: forward(tree, batch, config).loss }),
    unflattenLike(spec, params),
  );
  const grads = flattenTree(gradient);
  ({ params, slots } = optimizer.update({
    params,
    grads,
    slots,
    scalars: optimizer.scalars(step, 5e-3),
  }));
  if (step % 10 === 9) console.log(`step ${step + 1}  loss ${(await value.data())[0]?.toFixed(3)}`);
  dispose([value, grads, batch]);
}
await batches.close();
