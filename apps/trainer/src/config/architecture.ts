import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import type { ClipConfig } from "@clip-ts/model";
import type { HeadKind } from "@clip-ts/projection";
import type { CausalTextConfig, RobertaTextConfig, SiglipTextConfig } from "@clip-ts/text-encoder";
import type { ResNetConfig, VitConfig } from "@clip-ts/vision-encoder";
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
const activations = ["gelu", "gelu_pytorch_tanh", "quick_gelu", "relu"] satisfies Activation[];
const heads = ["linear", "affine", "mlp", "none"] satisfies HeadKind[];

const stack = {
  width: positive.optional().describe("mlpWidth keeps its ratio, unless it is said too"),
  layers: positive.optional(),
  heads: positive.optional(),
  mlpWidth: positive.optional(),
  activation: z.enum(activations).optional(),
  layerNormEps: z.number().positive().optional(),
  layerScale: z.number().optional().describe("starting gain of what each block adds"),
};

const vit = {
  ...stack,
  channels: positive.optional(),
  patchSize: positive.optional(),
  classToken: z.boolean().optional(),
  preNorm: z.boolean().optional().describe("whether tokens are normalised before the first block"),
  patchBias: z.boolean().optional(),
  pooling: z.enum(["class", "pooler", "mean", "attention"]).optional(),
  positions: z.enum(["learned", "sincos"]).optional(),
} satisfies SettingsOf<VitConfig>;

const resnet = {
  channels: positive.optional(),
  layers: z.tuple([positive, positive, positive, positive]).optional(),
  width: positive.optional(),
  heads: positive.optional(),
  outputDim: positive.optional(),
} satisfies SettingsOf<ResNetConfig>;

const clip = {
  ...stack,
  pooling: z.enum(["end", "last"]).optional(),
  causal: z.boolean().optional().describe("whether a token sees only those before it"),
} satisfies SettingsOf<CausalTextConfig>;

const roberta = {
  ...stack,
  pooling: z.enum(["first", "mean", "max", "pooler"]).optional(),
  tokenTypes: positive.optional(),
} satisfies SettingsOf<RobertaTextConfig>;

const siglip = { ...stack, headWidth: positive.optional() } satisfies SettingsOf<SiglipTextConfig>;

/** What can be changed of a tower, by its side and kind. */
const towerSchemas: Readonly<Record<"vision" | "text", Readonly<Record<string, z.ZodObject>>>> = {
  vision: { vit: z.strictObject(vit), resnet: z.strictObject(resnet) },
  text: {
    clip: z.strictObject(clip),
    roberta: z.strictObject(roberta),
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

const layersOf = "expected a number of blocks, or a ResNet's four";
const poolingOf = "expected end or last in CLIP's tower, first, mean, max or pooler in RoBERTa";

/** Fields of a preset's or a file's config that a run changes; which of them a tower has, its kind says. */
export const architectureSchema = z.strictObject({
  vision: z
    .strictObject({
      kind,
      ...resnet,
      ...vit,
      layers: z.union([vit.layers, resnet.layers], layersOf),
    })
    .optional(),
  text: z
    .strictObject({
      kind,
      ...siglip,
      ...roberta,
      ...clip,
      pooling: z.union([clip.pooling, roberta.pooling], poolingOf),
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
  clip: "CLIP's text tower",
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
