import { matchVision, visionTower, type VisionConfig } from "@clip-ts/vision-encoder";
import { textKind, type TextConfig } from "@clip-ts/text-encoder";
import type { ClipConfig } from "../config.ts";
import type { PublishedModel } from "../presets/open-clip-models.ts";
import { activationOfVision } from "./fill-as-said.ts";
import { givenActivations, type InferOptions } from "./infer-options.ts";
import { refuseGuess, type Missing } from "./missing.ts";
import { headsOfTower, widthOfHeads } from "./tower-heads.ts";

function visionAsPublished(vision: VisionConfig, options: InferOptions): VisionConfig {
  const heads = headsOfTower("vision", widthOfHeads(vision), options) ?? vision.heads;
  const given = activationOfVision(vision) ?? givenActivations(options).vision;
  return matchVision<VisionConfig>(vision, {
    vit(vit) {
      const isByTanh = vit.pooling === "attention" && options.isOpenClip !== true;
      const activation = given ?? (isByTanh ? "gelu_pytorch_tanh" : vit.activation);
      return { ...vit, heads, activation };
    },
    resnet: (resnet) => ({ ...resnet, heads }),
  });
}

function textAsPublished(text: TextConfig, options: InferOptions): TextConfig {
  const heads = headsOfTower("text", text.width, options) ?? text.heads;
  if (text.kind === "roberta") return { ...text, heads };
  const isByTanh = text.kind === "siglip" && options.isOpenClip !== true;
  const published = isByTanh ? "gelu_pytorch_tanh" : text.activation;
  const activation = givenActivations(options).text ?? published;
  return { ...text, heads, activation };
}

/** Whether some of the configs differ in what is picked of them. */
function differ(
  configs: readonly ClipConfig[],
  pick: (config: ClipConfig) => readonly unknown[],
): boolean {
  return new Set(configs.map((config) => JSON.stringify(pick(config)))).size > 1;
}

const activationsOf = ({ vision, text }: ClipConfig): readonly unknown[] => [
  visionTower(vision).activation(vision) ?? "relu",
  text.activation,
];

function describe({ vision, text }: ClipConfig): string {
  const parts = [`${vision.heads} and ${text.heads} attention heads`, text.activation];
  const ofVision = visionTower(vision).activation(vision) ?? text.activation;
  if (ofVision !== text.activation) parts[1] = `${ofVision} and ${text.activation}`;
  if (text.kind === "roberta") parts.push(`RoBERTa's ${text.pooling} pooling`);
  const isCausal = textKind(text) === "clip";
  if (isCausal) parts.push(`id ${text.endTokenId} for the end of a caption`);
  return parts.join(", ");
}

/** What published models of the same sizes do not agree on, or what of the file they do not have. */
function missingOf(sketch: ClipConfig, completed: readonly ClipConfig[]): Missing[] {
  const hasPooler = sketch.text.kind === "roberta" && sketch.text.pooling === "pooler";
  const found: readonly (readonly [Missing, boolean])[] = [
    ["pooling", hasPooler],
    ["activation", differ(completed, activationsOf)],
    ["image size", differ(completed, ({ vision }) => [vision.imageSize])],
  ];
  return found.flatMap(([what, isMissing]) => (isMissing ? [what] : []));
}

/** The name of the model that a completed config is like. */
function nameOf(config: ClipConfig, published: readonly PublishedModel[]): string | undefined {
  const isSame = (known: PublishedModel): boolean => !differ([known.config, config], activationsOf);
  return (published.find(isSame) ?? published[0])?.name;
}

/**
 * A model of published sizes, completed as published; what the options say goes first.
 * @throws ClipError "bad-config" with `data.missing` where published models of these sizes differ.
 */
export function fillAsPublished(
  sketch: ClipConfig,
  published: readonly PublishedModel[],
  options: InferOptions,
): ClipConfig {
  const completed = published.map(({ config }) => ({
    ...sketch,
    vision: visionAsPublished(config.vision, options),
    text: textAsPublished(config.text, options),
  }));
  const missing = missingOf(sketch, completed);
  const [config] = completed;
  if (missing.length > 0 || config === undefined) {
    const names = published.map(({ name }) => name);
    return refuseGuess(missing, names);
  }
  if (options.isOpenai !== true) {
    options.onAssume?.(`took ${describe(config)}, as in ${nameOf(config, published)}`);
  }
  return config;
}
