import { emojiVendors } from "@clip-ts/data";
import { engineNames } from "@clip-ts/engines";
import { z } from "zod";
import { architectureSchema } from "./architecture-schema.ts";
import {
  distillSchema,
  dropoutSchema,
  earlyStoppingSchema,
  evaluateSchema,
  layerDecaySchema,
  lockSchema,
  loraSchema,
  lossSchema,
} from "./methods-schema.ts";

const whole = z.int().min(0);
const positive = z.int().min(1);
const path = z.string().min(1);

const tableSettings = {
  path: path.describe("may be packed by gzip"),
  image: z.string().optional().describe("name of the image column"),
  caption: z.string().optional().describe("name of the caption column"),
};

const maxSkipped = z
  .union(
    [z.number().min(0), z.templateLiteral([z.number().min(0), "%"])],
    'expected a number from 0, or a share such as "5%"',
  )
  .optional()
  .describe("faulty rows and images that may be left out; 1%, but never fewer than 10, if absent");

const sourceSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("folder").describe("images with a .txt caption beside each, or class folders"),
    path,
    template: z.string().optional().describe("caption of a class folder, {} for its name"),
  }),
  ...(["csv", "tsv"] as const).map((kind) =>
    z.strictObject({
      kind: z.literal(kind),
      ...tableSettings,
      separator: z
        .string()
        .length(1, "expected one character")
        .optional()
        .describe("character between values; a comma in csv and a tab in tsv if absent"),
      quoting: z
        .enum(["standard", "none"])
        .optional()
        .describe("none: double quotes are part of the text"),
    }),
  ),
  z.strictObject({ kind: z.literal("jsonl"), ...tableSettings }),
  z.strictObject({
    kind: z.literal("emoji").describe("emoji drawings from npm packages"),
    vendors: z.array(z.enum(emojiVendors)).min(1),
    locales: z.array(z.string()).min(1).default(["en"]),
  }),
  z.strictObject({
    kind: z.literal("synthetic").describe("drawn shapes with exact captions"),
    count: positive.default(1000),
  }),
  z.strictObject({
    kind: z.literal("tensors").describe("pixel_values.N and input_ids.N, served in order"),
    path,
  }),
]);

const range = z.tuple([z.number().positive(), z.number().positive()]);

const strength = z.number().min(0).optional();

const chance = z.number().min(0).max(1).optional();

const sharedAugmentation = {
  scale: range.optional().describe("share of the area a random crop keeps"),
  ratio: range.optional().describe("width / height of a random crop"),
  flipProbability: chance,
  colorJitter: z
    .strictObject({ brightness: strength, contrast: strength, saturation: strength, hue: strength })
    .optional(),
  grayscaleProbability: chance,
};

const augmentSchema = z.strictObject({ ...sharedAugmentation, colorJitterProbability: chance });

const viewSchema = z.strictObject({
  ...sharedAugmentation,
  rotation: z.number().min(0).max(180).optional().describe("most degrees either way"),
  translation: chance.describe("most that a crop leaves the image, as a share of its side"),
  backgroundProbability: chance.describe("chance of a random colour behind transparent pixels"),
});

/** [pattern, value] by path: a name stands for a leaf or subtree, /…/ for a regular expression. */
const pathRules = <Value extends z.ZodType>(value: Value) => z.array(z.tuple([z.string(), value]));

const optimizerSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("adamw"),
    beta1: z.number().default(0.9),
    beta2: z.number().default(0.98),
    eps: z.number().positive().default(1e-6),
    weightDecay: z.number().min(0).default(0.2),
    decay: pathRules(z.boolean()).optional().describe("[pattern, decayed] by path, first match"),
    multipliers: pathRules(z.number()).optional().describe("[pattern, factor] on learning rates"),
  }),
  z.strictObject({
    kind: z.literal("sgd"),
    momentum: z.number().default(0.9),
    nesterov: z.boolean().default(false),
    weightDecay: z.number().min(0).default(0),
    decay: pathRules(z.boolean()).optional(),
    multipliers: pathRules(z.number()).optional(),
  }),
  z.strictObject({
    kind: z.literal("muon").describe("matrices by Muon, all else by AdamW"),
    momentum: z.number().default(0.95),
    beta1: z.number().default(0.9),
    beta2: z.number().default(0.98),
    eps: z.number().positive().default(1e-6),
    rounds: positive.default(5).describe("rounds in which a matrix is made orthogonal"),
    weightDecay: z.number().min(0).default(0.1),
    matrices: pathRules(z.boolean()).optional().describe("[pattern, moved by Muon] by path"),
    decay: pathRules(z.boolean()).optional(),
    multipliers: pathRules(z.number()).optional(),
  }),
  z.strictObject({
    kind: z.literal("lion"),
    beta1: z.number().default(0.9),
    beta2: z.number().default(0.99),
    weightDecay: z.number().min(0).default(1),
    decay: pathRules(z.boolean()).optional(),
    multipliers: pathRules(z.number()).optional(),
  }),
]);

const scheduleSchema = z.strictObject({
  kind: z.enum(["cosine", "constant", "constant-cooldown"]).default("cosine"),
  learningRate: z.number().positive().default(5e-4),
  warmupSteps: whole.default(0),
  cooldownSteps: positive.optional(),
  cooldownPower: z.number().positive().optional(),
  cooldownEndLearningRate: z.number().min(0).optional(),
});

/** Weights of one tower, where options of the tower may be expected. */
const tower = z
  .string('expected a folder or file of weights; a tower\'s options stand in "model.architecture"')
  .min(1);

const modelSchema = z.strictObject({
  preset: z.string().optional().describe("a built-in size, trained from scratch"),
  config: path
    .optional()
    .describe(
      "a config.json (ours, Hugging Face's, open_clip's) or its folder, trained from scratch",
    ),
  from: path.optional().describe("a model folder or run to start from"),
  architecture: architectureSchema.optional().describe("fields of the preset or config, changed"),
  vision: tower.optional().describe("weights that a new model's vision tower starts from"),
  text: tower.optional().describe("weights that a new model's text tower starts from"),
  tokenizer: path.optional().describe("RoBERTa's or SigLIP's tokenizer.json, or its folder"),
  imageSize: positive.optional(),
  contextLength: positive.optional(),
  vocabSize: positive.optional(),
  projectionDim: positive.optional(),
  patchDropout: dropoutSchema.optional().describe("share of the patches that a step leaves out"),
  textDropout: dropoutSchema
    .optional()
    .describe("share of RoBERTa's activations and attention weights that a step drops"),
});

const runSchema = z.strictObject({
  run: path.describe("folder that receives checkpoints, metrics and the resolved config"),
  seed: z.int().default(0),
  engine: z.enum(["auto", ...engineNames]).default("auto"),
  device: z
    .enum(["cpu", "gpu"])
    .optional()
    .describe("where to compute; a GPU is used if there is one"),
  precision: z.enum(["f32", "bf16"]).default("f32").describe("of matrix products"),
  threads: positive.optional().describe("threads that compute; all if absent"),
  model: modelSchema,
  data: z.strictObject({
    train: sourceSchema,
    batchSize: positive.default(64),
    shuffle: z.boolean().default(true),
    captions: z.enum(["draw", "first"]).default("draw"),
    distinct: z
      .boolean()
      .default(true)
      .describe("keep two pictures of one thing, or one caption twice, out of a batch"),
    bucketMultiple: positive.default(8),
    prefetch: whole.default(2),
    maxSkipped,
    background: z
      .tuple([whole, whole, whole])
      .optional()
      .describe("colour behind transparent pixels; dropped alpha if absent"),
    augment: augmentSchema.optional().describe("random changes, torchvision's to the byte"),
    view: viewSchema.optional().describe("random changes in one fast pass, in place of augment"),
  }),
  steps: positive,
  loss: lossSchema.optional().describe("the model's own loss if absent, else contrastive"),
  accumulate: positive
    .default(1)
    .describe("micro-batches a step: the loss compares all accumulate · batchSize pairs"),
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
  evaluate: evaluateSchema(sourceSchema).optional(),
  earlyStopping: earlyStoppingSchema.optional(),
  tensorboard: z.boolean().default(true).describe("write an event file into the run folder"),
  checkpoint: z
    .strictObject({ every: positive.default(500), keep: positive.default(2) })
    .prefault({}),
  logEvery: positive.default(1),
});

/** Settings that only make sense together. */
const conditions: readonly (readonly [
  keyof z.infer<typeof runSchema>,
  string,
  (run: z.infer<typeof runSchema>) => boolean,
])[] = [
  [
    "earlyStopping",
    'needs "evaluate": there is nothing to stop by without it',
    ({ earlyStopping, evaluate }) => earlyStopping !== undefined && evaluate === undefined,
  ],
  [
    "evaluate",
    'needs "retrieval" or "zeroShot": there is nothing to evaluate',
    ({ evaluate }) =>
      evaluate !== undefined && evaluate.retrieval === undefined && evaluate.zeroShot === undefined,
  ],
  [
    "lock",
    'cannot be combined with "lora", which keeps all weights anyway: say in "lora.targets" what learns',
    ({ lock, lora }) => lock !== undefined && lora !== undefined,
  ],
];

/** Everything a training run is told. Unknown keys are errors. */
export const configSchema = runSchema.superRefine((run, context) => {
  for (const [key, message, isBroken] of conditions) {
    if (isBroken(run)) context.addIssue({ code: "custom", path: [key], message });
  }
});

/** A validated run. */
export type RunConfig = z.infer<typeof configSchema>;
