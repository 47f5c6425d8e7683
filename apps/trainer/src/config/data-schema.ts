import { parsePolicy } from "@clip-ts/image";
import { z } from "zod";
import { whoBrings, type SourceSettings } from "../cli/extension.ts";
import type { SourceDefinitions } from "./sources.ts";

const positive = z.int().min(1);
const path = z.string().min(1);

const tableSettings = {
  path: path.describe("may be packed by gzip"),
  image: z.string().optional().describe("name of the image column"),
  caption: z.string().optional().describe("name of the caption column"),
};

/** Faults that are let pass. */
export const maxSkippedSchema = z
  .union(
    [z.number().min(0), z.templateLiteral([z.number().min(0), "%"])],
    'expected a number from 0, or a share such as "5%"',
  )
  .optional()
  .describe("faulty rows and images that may be left out; 1%, but never fewer than 10, if absent");

const weighted = z.strictObject({
  path,
  weight: z.number().positive().optional().describe("how often a sample comes in an epoch, on average; 1 if absent"),
});

const shardSettings = {
  path: z
    .union([path, z.array(z.union([path, weighted])).min(1)])
    .describe("a pattern such as shards/{00000..00999}.tar, or several, on disk, at https:// or s3://"),
  captions: z
    .record(z.string(), z.number().positive())
    .optional()
    .describe("names of texts (txt, json.caption, a column) with chances; the first usual one if absent"),
  resampled: z.boolean().optional().describe("draw shards with replacement; each sample once an epoch if absent"),
};

const builtIn = [
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
      quoting: z.enum(["standard", "none"]).optional().describe("none: double quotes are part of the text"),
    }),
  ),
  z.strictObject({ kind: z.literal("jsonl"), ...tableSettings }),
  z.strictObject({
    kind: z.literal("webdataset").describe("tars of images with captions beside them, as img2dataset writes them"),
    ...shardSettings,
    image: z
      .union([path, z.array(path).min(1)])
      .optional()
      .describe("ending of the image among a sample's files; the usual ones if absent"),
  }),
  z.strictObject({
    kind: z.literal("parquet").describe("Parquet files with images, or with paths of images"),
    ...shardSettings,
    image: z.string().optional().describe("name of the image column"),
  }),
  z.strictObject({
    kind: z.literal("mds").describe("folders of MosaicML's streaming format"),
    ...shardSettings,
    image: z.string().optional().describe("name of the image column"),
  }),
  z.strictObject({
    kind: z.literal("synthetic").describe("drawn shapes with exact captions"),
    count: positive.default(1000),
  }),
  z.strictObject({
    kind: z.literal("tensors").describe("pixel_values.N and input_ids.N, served in order"),
    path,
  }),
] as const;

type BuiltIn = z.infer<(typeof builtIn)[number]>;

/** Says who brings a kind that this program lacks. */
function explainKind({ input }: { readonly input?: unknown }): string | undefined {
  const { kind } = (input ?? {}) as { readonly kind?: unknown };
  return typeof kind === "string" ? whoBrings(kind) : undefined;
}

/** Where pairs come from: the trainer's own kinds, and those that a program adds. */
export function sourceSchema(added: SourceDefinitions): z.ZodType<BuiltIn | SourceSettings> {
  const others = Object.values(added).map(({ schema }) => schema);
  const kinds = [...builtIn, ...others] as unknown as typeof builtIn;
  return z.discriminatedUnion("kind", kinds, { error: explainKind });
}

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

/** Random changes as torchvision makes them. */
export const augmentSchema = z.strictObject({
  ...sharedAugmentation,
  colorJitterProbability: chance,
  randomInterpolation: z.boolean().optional().describe("resize crops by bilinear or bicubic, drawn each time"),
  autoAugment: z
    .string()
    .superRefine((words, context) => {
      try {
        parsePolicy(words);
      } catch (error) {
        context.addIssue({ code: "custom", message: (error as Error).message });
      }
    })
    .optional()
    .describe("timm's policies: rand-m9-mstd0.5-inc1, augmix-m3-w3, original, v0, 3a"),
  erasing: z
    .strictObject({
      probability: z.number().min(0).max(1),
      mode: z.enum(["pixel", "rand", "const"]).optional().describe("noise in each pixel, one colour, or the mean"),
      count: z.int().min(1).optional().describe("most parts of an image"),
    })
    .optional()
    .describe("random erasing"),
});

/** Random changes in one pass. */
export const viewSchema = z.strictObject({
  ...sharedAugmentation,
  rotation: z.number().min(0).max(180).optional().describe("most degrees either way"),
  translation: chance.describe("most that a crop leaves the image, as a share of its side"),
  backgroundProbability: chance.describe("chance of a random colour behind transparent pixels"),
});

/** How shards are fetched. */
export const remoteSchema = z.strictObject({
  endpoint: z.url().optional().describe("of a store compatible with S3; AWS_ENDPOINT_URL if absent"),
  region: z.string().optional(),
  anonymous: z.boolean().optional().describe("read a public bucket without credentials"),
  cacheFolder: path.optional().describe("keeps copies of shards that lie elsewhere"),
  cacheBytes: positive.optional().describe("most bytes of that folder"),
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
