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
export const layerDecaySchema = z.union([
  decay,
  z.strictObject({ image: decay.optional(), text: decay.optional() }),
]);

/** A larger model to learn from. */
export const distillSchema = z.strictObject({
  from: path.describe("model folder of the teacher, which takes images of the same size"),
  weight: z.number().positive().default(1).describe("factor on the distillation loss"),
});

/** Evaluation while training, and what ends it. */
export const evaluateSchema = <Source extends z.ZodType>(source: Source) =>
  z.strictObject({
    every: positive.describe("steps between evaluations; the last step is evaluated too"),
    retrieval: z
      .strictObject({
        data: source,
        captions: z.enum(["first", "all"]).default("first"),
        limit: positive.optional().describe("at most so many images"),
      })
      .optional(),
    zeroShot: z
      .strictObject({
        folder: path.describe("a folder of images for each class"),
        names: path.optional().describe("imagenet, or a file with the classes' names, one a line"),
        templates: z.string().default("simple").describe("openai, simple or a file"),
        limit: positive.optional().describe("at most so many images of each class"),
      })
      .optional(),
    ema: z.boolean().default(true).describe("evaluate the moving average too, if there is one"),
  });

/** When to end before the last step. */
export const earlyStoppingSchema = z.strictObject({
  metric: z
    .string()
    .default("retrieval.meanRecallAt1")
    .describe("a number that evaluation reports"),
  patience: positive.default(5).describe("evaluations in a row without a better value"),
  minDelta: z.number().min(0).default(0).describe("what counts as better"),
});

/** A share that may be 0 but leaves something. */
export const dropoutSchema = share.lt(1);
