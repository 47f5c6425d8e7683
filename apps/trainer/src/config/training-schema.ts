import type { LossConfig } from "@clip-ts/model";
import { z } from "zod";

const whole = z.int().min(0);
const positive = z.int().min(1);
const path = z.string().min(1);
const share = z.number().min(0).max(1);

/** Rows of the matrix of all pairs in memory at a time. */
const chunk = positive.optional().describe("compare so many images at a time: for large batches");

const losses = {
  contrastive: z.strictObject({
    kind: z.literal("contrastive").describe("CLIP's softmax over the batch"),
    labelSmoothing: z.number().min(0).lt(1).optional(),
    multiPositive: z
      .boolean()
      .optional()
      .describe("pairs of a batch with the same image or caption are right for each other"),
    chunk,
  }),
  sigmoid: z.strictObject({
    kind: z.literal("sigmoid").describe("SigLIP's loss with a bias"),
    chunk,
  }),
} satisfies Record<LossConfig["kind"], z.ZodType>;

/** What training makes small. */
export const lossSchema = z.discriminatedUnion("kind", [losses.contrastive, losses.sigmoid]);

/** What each of several processes compares. */
export const localLossSchema = z
  .union([z.boolean(), z.literal("auto")])
  .describe(
    "each of several processes compares its own pairs with all, not all with all; auto if absent: from 4,096 on",
  );

const unlockedGroups = z
  .union([whole, z.literal("all")])
  .default(0)
  .describe("how many groups, from the output, still learn: 1 is the head, 2 adds the last block");

/** Towers that keep their weights. */
export const lockSchema = z.strictObject({
  image: z
    .strictObject({
      unlockedGroups,
      freezeStatistics: z
        .boolean()
        .default(true)
        .describe("keep the running statistics of a ResNet's batch norms as well"),
    })
    .optional(),
  text: z.strictObject({ unlockedGroups }).optional(),
});

/** Adapters instead of weights. */
export const loraSchema = z.strictObject({
  rank: positive.default(8),
  alpha: z.number().positive().optional().describe("adapters count alpha / rank; rank if absent"),
  targets: z
    .array(z.string())
    .min(1)
    .optional()
    .describe("attention, mlp, a path or a /pattern/; attention and mlp if absent"),
  train: z
    .array(z.string())
    .optional()
    .describe("paths or /patterns/ that learn beside the adapters; logit scale and bias if absent"),
});

const decay = z.number().positive().max(1);

/** Smaller learning rates towards the input. */
export const layerDecaySchema = z.union([decay, z.strictObject({ image: decay.optional(), text: decay.optional() })]);

/** A larger model to learn from. */
export const distillSchema = z.strictObject({
  from: path.describe("model folder of the teacher, which takes images of the same size"),
  weight: z.number().positive().default(1).describe("factor on the distillation loss"),
});

/** When to end before the last step. */
export const earlyStoppingSchema = z.strictObject({
  metric: z.string().default("retrieval.meanRecallAt1").describe("a number that evaluation reports"),
  patience: positive.default(5).describe("evaluations in a row without a better value"),
  minDelta: z.number().min(0).default(0).describe("what counts as better"),
});

/** A share that may be 0 but leaves something. */
export const dropoutSchema = share.lt(1);

/** [pattern, value] by path: a name stands for a leaf or subtree, /…/ for a regular expression. */
const pathRules = <Value extends z.ZodType>(value: Value) => z.array(z.tuple([z.string(), value]));

/** How weights move. */
export const optimizerSchema = z.discriminatedUnion("kind", [
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
    kind: z.literal("adafactor").describe("big_vision's: AdamW's second moment as rows and columns"),
    momentum: z.number().default(0.9),
    decayRate: z.number().default(0.8),
    beta2Cap: z.number().default(0.999),
    eps: z.number().positive().default(1e-30),
    minDimToFactor: positive.default(32),
    weightDecay: z.number().min(0).default(0),
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

/** Settings of some kinds of schedules alone. */
const scheduleKinds: Readonly<Record<string, readonly string[]>> = {
  cooldownSteps: ["constant-cooldown", "rsqrt"],
  cooldownPower: ["constant-cooldown"],
  cooldownEndLearningRate: ["constant-cooldown"],
  timescale: ["rsqrt"],
  shift: ["rsqrt"],
};

const scheduleSettings = z.strictObject({
  kind: z.enum(["cosine", "constant", "constant-cooldown", "rsqrt"]).default("cosine"),
  learningRate: z.number().positive().default(5e-4),
  warmupSteps: whole.default(0),
  cooldownSteps: positive.optional(),
  cooldownPower: z.number().positive().optional(),
  cooldownEndLearningRate: z.number().min(0).optional(),
  timescale: z.number().positive().optional().describe("of rsqrt: steps until the rate has fallen to 1/√2"),
  shift: whole.optional().describe("of rsqrt: steps by which its fall is ahead"),
});

/** How fast they move, step by step. */
export const scheduleSchema = scheduleSettings.superRefine((schedule, context) => {
  for (const [key, kinds] of Object.entries(scheduleKinds)) {
    if (schedule[key as keyof typeof schedule] === undefined || kinds.includes(schedule.kind)) continue;
    const named = kinds.map((kind) => `"${kind}"`).join(" or ");
    const message = `goes with kind ${named} only: remove it, or change "schedule.kind"`;
    context.addIssue({ code: "custom", path: [key], message });
  }
});
