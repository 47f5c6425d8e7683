import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import type { ClipConfig } from "@clip-ts/model";
import type { HeadKind } from "@clip-ts/projection";
import type {
  AltClipTextConfig,
  BertFamilyConfig,
  CausalTextConfig,
  M2m100TextConfig,
  Mt5TextConfig,
  SiglipTextConfig,
} from "@clip-ts/text-encoder";
import type { EfficientNetConfig, NaflexConfig, ResNetConfig, SwinConfig, VitConfig } from "@clip-ts/vision-encoder";
import { z } from "zod";

/** What `model` itself says, what the tokenizer decides, and what a tower cannot change. */
type SaidElsewhere =
  | "kind"
  | "imageSize"
  | "contextLength"
  | "vocabSize"
  | "patchDropout"
  | "hiddenDropout"
  | "attentionDropout"
  | "startTokenId"
  | "endTokenId"
  | "padTokenId";

/** A setting for each field of a config: a field that is added there is missing here. */
type SettingsOf<Config> = Readonly<Record<Exclude<keyof Config, SaidElsewhere>, z.ZodType>>;

const positive = z.int().min(1);
const activations = ["gelu", "gelu_pytorch_tanh", "quick_gelu", "relu", "silu"] satisfies Activation[];
const heads = ["linear", "affine", "mlp", "none"] satisfies HeadKind[];

const stack = {
  width: positive.optional().describe("mlpWidth keeps its ratio, unless it is said too"),
  layers: positive.optional(),
  heads: positive.optional(),
  mlpWidth: positive.optional(),
  activation: z.enum(activations).optional(),
  layerNormEps: z.number().positive().optional(),
  layerScale: z.number().optional().describe("starting gain of what each block adds"),
  norms: z
    .enum(["affine", "gain", "plain"])
    .optional()
    .describe("what layer norms learn: gain and shift, gain, nothing"),
  queryKeyNorm: z.boolean().optional().describe("whether each head's queries and keys are normalised"),
  headScale: z.boolean().optional().describe("whether what each head sees has a learned gain"),
  innerNorm: z.boolean().optional().describe("whether what the heads see is normalised"),
  attentionNorm: z.boolean().optional().describe("whether what an attention adds is normalised"),
  mlpNorm: z.boolean().optional().describe("whether the MLP's hidden layer is normalised"),
};

/** One number, or height and width. */
export const imageSizeSchema = z.union(
  [positive, z.tuple([positive, positive])],
  "expected a whole number of pixels, or [height, width]",
);

const queryPool = z.strictObject({
  kind: z.enum(["first", "mean", "parallel", "cascade"]),
  width: positive,
  queries: positive,
  heads: positive,
});

const vit = {
  ...stack,
  channels: positive.optional(),
  patchSize: imageSizeSchema.optional(),
  classToken: z.boolean().optional(),
  preNorm: z.boolean().optional().describe("whether tokens are normalised before the first block"),
  patchBias: z.boolean().optional(),
  pooling: z.enum(["class", "pooler", "mean", "attention", "queries"]).optional(),
  normAfterPool: z.boolean().optional().describe("whether the mean is normalised, not every patch before it"),
  queryPool: queryPool.optional().describe('only where "queries" pools'),
  positions: z.enum(["learned", "sincos"]).optional(),
  distillationToken: z.boolean().optional().describe("whether DeiT's second token stands behind the class token"),
  registerTokens: positive.optional().describe("tokens without positions, as DINOv2 may have"),
  gated: z.boolean().optional().describe("whether half of what enters an MLP gates the other half"),
  positionGrid: positive.optional().describe("patches a side of the table of positions, if not the image's"),
  initialDeviation: z.number().positive().optional().describe("what maps and tokens start with, if not CLIP's"),
} satisfies SettingsOf<VitConfig>;

const resnet = {
  channels: positive.optional(),
  layers: z.tuple([positive, positive, positive, positive]).optional(),
  width: positive.optional(),
  heads: positive.optional(),
  outputDim: positive.optional(),
} satisfies SettingsOf<ResNetConfig>;

const naflex = {
  ...stack,
  channels: positive.optional(),
  patchSize: positive.optional(),
} satisfies SettingsOf<NaflexConfig>;

const stages = z.array(positive).min(1);

const swin = {
  channels: positive.optional(),
  patchSize: positive.optional(),
  width: positive.optional(),
  layers: stages.optional(),
  stageHeads: stages.optional(),
  window: positive.optional().describe("places along a side of a Swin's windows"),
  mlpRatio: z.number().positive().optional().describe("length of a Swin's hidden layers by that of its vectors"),
  activation: z.enum(activations).optional(),
  layerNormEps: z.number().positive().optional(),
  initialDeviation: z.number().positive().optional(),
} satisfies SettingsOf<SwinConfig>;

const efficientnet = {
  channels: positive.optional(),
  stages: z
    .array(
      z.strictObject({
        kernel: positive,
        inputs: positive,
        outputs: positive,
        stride: positive,
        repeats: positive,
        expand: positive,
      }),
    )
    .min(1)
    .optional()
    .describe("an EfficientNet's stages, in channels before they are scaled"),
  widthCoefficient: z.number().positive().optional(),
  depthCoefficient: z.number().positive().optional(),
  divisor: positive.optional().describe("divides an EfficientNet's channels"),
  squeezeRatio: z.number().positive().optional(),
  squarePadding: z.array(z.int().min(0)).optional().describe("blocks with as many zeros before as after pictures"),
  activation: z.enum(activations).optional(),
  normEps: z.number().positive().optional(),
  normMomentum: z.number().min(0).max(1).optional(),
  initialDeviation: z.number().positive().optional(),
} satisfies SettingsOf<EfficientNetConfig>;

const clip = {
  ...stack,
  pooling: z.enum(["end", "last", "first"]).optional(),
  causal: z.boolean().optional().describe("whether a token sees only those before it"),
} satisfies SettingsOf<CausalTextConfig>;

/** Blocks that add what they make as it is. */
const plainStack = { ...stack, layerScale: z.never("only CLIP's and SigLIP's blocks have it").optional() };

/** BERT and RoBERTa. */
const bert = {
  ...plainStack,
  pooling: z.enum(["first", "mean", "max", "pooler"]).optional(),
  tokenTypes: positive.optional(),
} satisfies SettingsOf<BertFamilyConfig>;

const tokens = { pooling: z.enum(["first", "mean", "max"]).optional() };
const altclip = {
  ...plainStack,
  tokenTypes: positive.optional(),
  headWidth: positive.optional(),
} satisfies SettingsOf<AltClipTextConfig>;
const m2m100 = { ...plainStack, ...tokens } satisfies SettingsOf<M2m100TextConfig>;
const mt5 = {
  ...plainStack,
  ...tokens,
  headDim: positive.optional(),
  buckets: positive.optional(),
  maxDistance: positive.optional(),
} satisfies SettingsOf<Mt5TextConfig>;

const siglip = { ...stack, headWidth: positive.optional() } satisfies SettingsOf<SiglipTextConfig>;

/** What can be changed of a tower, by its side and kind. */
const towerSchemas: Readonly<Record<"vision" | "text", Readonly<Record<string, z.ZodObject>>>> = {
  vision: {
    vit: z.strictObject(vit),
    resnet: z.strictObject(resnet),
    swin: z.strictObject(swin),
    naflex: z.strictObject(naflex),
    efficientnet: z.strictObject(efficientnet),
  },
  text: {
    clip: z.strictObject(clip),
    altclip: z.strictObject(altclip),
    bert: z.strictObject(bert),
    m2m100: z.strictObject(m2m100),
    mt5: z.strictObject(mt5),
    roberta: z.strictObject(bert),
    siglip: z.strictObject(siglip),
  },
};

const model = {
  imageHead: z.enum(heads).optional(),
  textHead: z.enum(heads).optional(),
  initialLogitScale: z.number().optional().describe("logarithm of the starting factor on cosines"),
  initialLogitBias: z.number().optional(),
} satisfies SettingsOf<Omit<ClipConfig, "vision" | "text" | "projectionDim" | "loss">>;

/** Towers of other kinds have other fields, which have to come from somewhere. */
const kind = z
  .never('a tower keeps its kind: take another preset, or describe the model in a file ("model.config")')
  .optional();

const layersOf = "expected a number of blocks, or one for each stage of a ResNet or Swin";
const poolingOf = "expected end, last or first in CLIP's tower, first, mean, max or pooler in BERT and RoBERTa";

/** Fields of a preset's or a file's config that a run changes; which of them a tower has, its kind says. */
export const architectureSchema = z.strictObject({
  vision: z
    .strictObject({
      kind,
      ...resnet,
      ...efficientnet,
      ...swin,
      ...vit,
      layers: z.union([vit.layers, resnet.layers, swin.layers], layersOf),
    })
    .optional(),
  text: z
    .strictObject({
      kind,
      ...siglip,
      ...mt5,
      ...bert,
      ...clip,
      pooling: z.union([clip.pooling, bert.pooling], poolingOf),
    })
    .optional(),
  ...model,
});

type Side = "vision" | "text";
type Fields = Readonly<Record<string, unknown>>;

/** What a model's config says beside its towers and the space they share. */
type Said = "imageHead" | "textHead" | "initialLogitScale" | "initialLogitBias";

/** Fields of a model's config in the place of its own; which of them a tower has, its kind says. */
export type ArchitectureChanges = {
  readonly [Name in Said]?: ClipConfig[Name] | undefined;
} & { readonly [Tower in Side]?: Fields | undefined };

/** What users call the kinds of towers. */
const kindNames: Readonly<Record<string, string>> = {
  vit: "a vision transformer",
  resnet: "a ResNet",
  swin: "a Swin",
  efficientnet: "an EfficientNet",
  naflex: "a NaFlex vision transformer",
  clip: "CLIP's text tower",
  altclip: "AltCLIP's text tower",
  bert: "BERT",
  m2m100: "M2M-100's encoder",
  mt5: "mT5's encoder",
  roberta: "RoBERTa",
  siglip: "SigLIP's text tower",
};

/** Refuses what towers of another kind have. */
function checkKind(side: Side, kind: string, changes: Fields): void {
  const schema = towerSchemas[side][kind]!;
  const { error } = schema.safeParse(changes);
  if (error === undefined) return;
  const known = Object.keys(schema.shape).join(", ");
  const faults = error.issues.map((issue) =>
    issue.code === "unrecognized_keys"
      ? `${issue.keys.map((key) => `"${key}"`).join(", ")}: ${kindNames[kind]} has ${known}`
      : `"${issue.path.join(".")}": ${issue.message}`,
  );
  throw new ClipError(
    "bad-config",
    `"model.architecture.${side}" does not fit the tower, which is ${kindNames[kind]}. ${faults.join("; ")}.`,
    { data: { side, kind, changes } },
  );
}

/** The hidden layers of a tower that becomes wider widen with it, unless their length is said. */
function mlpOf(tower: Fields, { width, mlpWidth }: Fields): Fields {
  const isScaled = typeof width === "number" && mlpWidth === undefined && "mlpWidth" in tower;
  if (!isScaled) return {};
  const ratio = (tower["mlpWidth"] as number) / (tower["width"] as number);
  return { mlpWidth: Math.round(ratio * width) };
}

function changeTower<Tower extends ClipConfig[Side]>(side: Side, tower: Tower, changes: Fields = {}): Tower {
  checkKind(side, tower.kind ?? (side === "vision" ? "vit" : "clip"), changes);
  return { ...tower, ...changes, ...mlpOf({ ...tower }, changes) };
}

/**
 * A config with some of its fields changed.
 * @throws ClipError "bad-config" for fields that towers of its kinds do not have.
 */
export function withArchitecture(base: ClipConfig, changes: ArchitectureChanges = {}): ClipConfig {
  const { vision, text, ...rest } = changes;
  return {
    ...base,
    ...(rest as Partial<ClipConfig>),
    vision: changeTower("vision", base.vision, vision),
    text: changeTower("text", base.text, text),
  };
}
