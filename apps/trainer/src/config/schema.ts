import { engineNames } from "@clip-ts/engines";
import { z } from "zod";
import { architectureSchema, imageSizeSchema } from "./architecture.ts";
import {
  augmentSchema,
  evaluateSchema,
  maxSkippedSchema,
  remoteSchema,
  sourceSchema,
  viewSchema,
} from "./data-schema.ts";
import { preprocessSchema } from "./preprocess.ts";
import type { SourceDefinitions } from "./sources.ts";
import {
  distillSchema,
  dropoutSchema,
  earlyStoppingSchema,
  layerDecaySchema,
  lockSchema,
  loraSchema,
  localLossSchema,
  lossSchema,
  optimizerSchema,
  scheduleSchema,
} from "./training-schema.ts";

const whole = z.int().min(0);
const positive = z.int().min(1);
const path = z.string().min(1);

/** Weights of one tower, where options of the tower may be expected. */
const tower = z.string('expected a folder or file of weights; a tower\'s options stand in "model.architecture"').min(1);

type SourceSchema = ReturnType<typeof sourceSchema>;

const modelSchema = z.strictObject({
  preset: z.string().optional().describe("a built-in size, trained from scratch"),
  config: path
    .optional()
    .describe("a config.json (ours, Hugging Face's, open_clip's) or its folder, trained from scratch"),
  from: path.optional().describe("a model folder or run to start from"),
  architecture: architectureSchema.optional().describe("fields of the preset or config, changed"),
  vision: tower.optional().describe("weights that a new model's vision tower starts from"),
  text: tower.optional().describe("weights that a new model's text tower starts from"),
  tokenizer: path.optional().describe("RoBERTa's or SigLIP's tokenizer.json, or its folder"),
  imageSize: imageSizeSchema.optional(),
  preprocess: preprocessSchema.optional().describe("how images become input, where not as the model's files say"),
  contextLength: positive.optional(),
  vocabSize: positive.optional(),
  projectionDim: positive.optional(),
  patchDropout: dropoutSchema.optional().describe("share of the patches that a step leaves out"),
  textDropout: dropoutSchema
    .optional()
    .describe(
      "share of a text tower's activations and attention weights that a step drops (BERT, RoBERTa, AltCLIP, M2M-100)",
    ),
});

/** Which run, on what it computes, and what it trains. */
const runSettings = {
  run: path.describe("folder that receives checkpoints, metrics and the resolved config"),
  seed: z.int().default(0),
  engine: z.enum(["auto", ...engineNames]).default("auto"),
  device: z.enum(["cpu", "gpu"]).optional().describe("where to compute; a GPU is used if there is one"),
  precision: z.enum(["f32", "bf16"]).default("f32").describe("of matmuls"),
  threads: positive.optional().describe("threads that compute; all if absent"),
  model: modelSchema,
};

/** What a run trains on. */
const dataSchema = (source: SourceSchema) =>
  z.strictObject({
    train: source,
    batchSize: positive.default(64),
    maxTokens: z
      .never(
        'every picture of a training batch is filled up to the patches that "model.imageSize" allows, so that its tokens ' +
          "are batchSize times these: lower batchSize, and raise accumulate to compare as many pairs",
      )
      .optional(),
    shuffle: z.boolean().default(true),
    captions: z.enum(["draw", "first"]).default("draw"),
    distinct: z
      .boolean()
      .default(true)
      .describe("keep two pictures of one thing, or one caption twice, out of a batch"),
    bucketMultiple: positive.default(8),
    prefetch: whole.default(2),
    maxSkipped: maxSkippedSchema,
    workers: positive.optional().describe("threads that read and decode shards; one fewer than cores if absent"),
    decode: z
      .enum(["fast", "exact"])
      .optional()
      .describe("of shards: exact is Pillow's to the byte; fast if absent, where images are changed at random"),
    remote: remoteSchema.optional().describe("where shards lie that are not on this machine"),
    background: z
      .tuple([whole, whole, whole])
      .optional()
      .describe("colour behind transparent pixels; dropped alpha if absent"),
    augment: augmentSchema.optional().describe("random changes, torchvision's to the byte"),
    view: viewSchema.optional().describe("random changes in one fast pass, in place of augment"),
  });

/** How long it learns, and how. */
const learningSettings = {
  steps: z.int('expected a whole number of steps, or "epochs" in its place').min(1),
  loss: lossSchema.optional().describe("the model's own loss if absent, else contrastive"),
  accumulate: positive.default(1).describe("micro-batches a step: the loss compares all accumulate · batchSize pairs"),
  localLoss: localLossSchema.optional(),
  gradientCheckpointing: z
    .boolean()
    .default(false)
    .describe("compute blocks again in the backward pass: less memory, more time"),
  lock: lockSchema.optional().describe("towers, or parts of them, that keep their weights"),
  lora: loraSchema.optional().describe("train small adapters instead of the weights"),
  distill: distillSchema.optional(),
  layerDecay: layerDecaySchema.optional().describe("factor on the learning rate, layer by layer"),
  optimizer: optimizerSchema.default({
    kind: "adamw",
    beta1: 0.9,
    beta2: 0.98,
    eps: 1e-6,
    weightDecay: 0.2,
  }),
  schedule: scheduleSchema.prefault({}),
  gradClipNorm: z.number().positive().optional(),
  ema: z.strictObject({ decay: z.number().min(0).max(1) }).optional(),
};

/** When it ends early, and what it leaves behind. */
const outputSettings = {
  earlyStopping: earlyStoppingSchema.optional(),
  tensorboard: z.boolean().default(true).describe("write an event file into the run folder"),
  checkpoint: z.strictObject({ every: positive.default(500), keep: positive.default(2) }).prefault({}),
  logEvery: positive.default(1),
};

/** Settings of a run, of which sources are of the kinds given. */
const runSchema = (source: SourceSchema) =>
  z.strictObject({
    ...runSettings,
    data: dataSchema(source),
    ...learningSettings,
    evaluate: evaluateSchema(source).optional(),
    ...outputSettings,
  });

/** A validated run. */
export type RunConfig = z.infer<ReturnType<typeof runSchema>>;

/** Settings that only make sense together. */
const conditions: readonly (readonly [keyof RunConfig, string, (run: RunConfig) => boolean])[] = [
  [
    "earlyStopping",
    'needs "evaluate": there is nothing to stop by without it',
    ({ earlyStopping, evaluate }) => earlyStopping !== undefined && evaluate === undefined,
  ],
  [
    "evaluate",
    'needs "retrieval" or "zeroShot": there is nothing to evaluate',
    ({ evaluate }) => evaluate !== undefined && evaluate.retrieval === undefined && evaluate.zeroShot === undefined,
  ],
  [
    "lock",
    'cannot be combined with "lora", which keeps all weights anyway: say in "lora.targets" what learns',
    ({ lock, lora }) => lock !== undefined && lora !== undefined,
  ],
];

/** Everything a training run is told, with the sources that a program adds. Unknown keys are errors. */
export const configSchema = (added: SourceDefinitions): z.ZodType<RunConfig> =>
  runSchema(sourceSchema(added)).superRefine((run, context) => {
    for (const [key, message, isBroken] of conditions) {
      if (isBroken(run)) context.addIssue({ code: "custom", path: [key], message });
    }
  });
