// @ts-check
// What is replayed: every kind of training, passes, embedding and export, small enough for seconds each.

/** Steps of every training. */
const steps = 12;

/**
 * @typedef {object} Program
 * @property {string} name
 * @property {readonly string[]} [settings] of a training, as `--set` takes them
 * @property {string} [fixture] the model that a training starts from, with its own inputs as the batch
 * @property {readonly string[]} [command] anything else: arguments of clip-ts; {out} is its folder
 * @property {readonly string[]} [engines] all if absent
 */

/**
 * The config that trainings begin with.
 * @param {string} run
 * @param {string} engine
 * @param {{ model?: string, train?: string }} [start]
 */
export const baseConfig = (
  run,
  engine,
  { model = "{ preset: nano }", train = "{ kind: synthetic, count: 96 }" } = {},
) =>
  [
    `run: ${run}`,
    `engine: ${engine}`,
    "threads: 1",
    `model: ${model}`,
    `data: { train: ${train}, batchSize: 8 }`,
    `steps: ${steps}`,
    "schedule: { learningRate: 0.003, warmupSteps: 3 }",
    "tensorboard: false",
    "checkpoint: { every: 5 }",
  ].join("\n");

/** @type {readonly (readonly [name: string, ...settings: string[]])[]} */
const losses = [
  ["contrastive"],
  ["smoothed", "loss.kind=contrastive", "loss.labelSmoothing=0.1"],
  ["multi-positive", "loss.kind=contrastive", "loss.multiPositive=true"],
  ["chunked", "loss.kind=contrastive", "loss.chunk=3"],
  ["sigmoid", "loss.kind=sigmoid"],
  ["sigmoid-chunked", "loss.kind=sigmoid", "loss.chunk=3"],
  ["distilled", "distill.from={teacher}"],
];

/** @type {readonly (readonly [name: string, ...settings: string[]])[]} */
const methods = [
  ["accumulated", "accumulate=3"],
  ["accumulated-sigmoid", "accumulate=3", "loss.kind=sigmoid"],
  ["accumulated-distilled", "accumulate=2", "distill.from={teacher}"],
  ["clipped", "gradClipNorm=0.5"],
  ["averaged", "ema.decay=0.9"],
  ["accumulated-averaged-clipped", "accumulate=2", "ema.decay=0.9", "gradClipNorm=1"],
  ["checkpointing", "gradientCheckpointing=true"],
  ["lora", "lora.rank=2"],
  ["locked-image", "lock.image.unlockedGroups=1"],
  ["locked-text", "lock.text.unlockedGroups=0"],
  ["layer-decay", "layerDecay=0.7"],
  ["sgd", "optimizer.kind=sgd", "optimizer.nesterov=true"],
  ["muon", "optimizer.kind=muon"],
  ["lion", "optimizer.kind=lion"],
  ["cooldown", "schedule.kind=constant-cooldown", "schedule.cooldownSteps=4"],
  ["patch-dropout", "model.patchDropout=0.5"],
  ["unshuffled", "data.shuffle=false", "data.bucketMultiple=4"],
  ["bf16", "precision=bf16"],
  ["bf16-accumulated", "precision=bf16", "accumulate=2"],
];

/** Models of `packages/test-utils/fixtures` with inputs beside them. */
const fixtures = ["clip-vit", "clip-resnet", "siglip", "dual-encoder"];
const targets = ["hf", "openai", "open_clip", "onnx"];

/** @param {string} name @param {string} model @returns {Program} */
const embedded = (name, model) => ({
  name,
  command: ["embed", model, "--texts", "{texts}", "-o", "{out}/rows.npy"],
});

/** @returns {Program[]} */
export function allPrograms() {
  const trained = [...losses, ...methods].map(([name, ...settings]) => ({
    name: `train-${name}`,
    settings,
    ...(name.startsWith("bf16") ? { engines: ["tensorflow"] } : {}),
  }));
  const continued = fixtures.map((fixture) => ({
    name: `train-from-${fixture}`,
    settings: [],
    fixture,
  }));
  const passes = fixtures.map((fixture) => ({
    name: `forward-${fixture}`,
    command: [
      "forward",
      `{fixtures}/${fixture}`,
      `{fixtures}/${fixture}/io.safetensors`,
      "--grads",
      "-o",
      "{out}/tensors.safetensors",
    ],
  }));
  const converted = targets.map((target) => ({
    name: `convert-${target}`,
    command: ["convert", "{teacher}", "{out}/model", "--to", target],
    engines: ["cpu"],
  }));
  return [...trained, ...continued, ...passes, ...converted, embedded("embed-texts", "{teacher}")];
}
