import type { Activation } from "@clip-ts/core";
import { isResNet, type VisionConfig } from "@clip-ts/vision-encoder";
import type { TextConfig } from "@clip-ts/text-encoder";
import type { ClipConfig } from "../config.ts";
import type { PublishedModel } from "../presets/open-clip-models.ts";
import { activationOfVision } from "./fill-as-said.ts";
import { givenActivations, type InferOptions } from "./infer-options.ts";
import { refuseGuess, type Missing } from "./missing.ts";
import { headsOfTower, widthOfHeads } from "./tower-heads.ts";

function visionAsPublished(vision: VisionConfig, options: InferOptions): VisionConfig {
  const heads = headsOfTower("vision", widthOfHeads(vision), options) ?? vision.heads;
  if (isResNet(vision)) return { ...vision, heads };
  const always = activationOfVision(vision, options);
  const activation = always ?? givenActivations(options).vision ?? vision.activation;
  return { ...vision, heads, activation };
}

function textAsPublished(text: TextConfig, options: InferOptions): TextConfig {
  const heads = headsOfTower("text", text.width, options) ?? text.heads;
  if (text.kind === "roberta") return { ...text, heads };
  const isByTanh = text.kind === "siglip" && options.isOpenClip !== true;
  const always: Activation | undefined = isByTanh ? "gelu_pytorch_tanh" : undefined;
  const activation = always ?? givenActivations(options).text ?? text.activation;
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
  isResNet(vision) ? "relu" : vision.activation,
  text.activation,
];

function describe({ vision, text }: ClipConfig): string {
  const parts = [`${vision.heads} and ${text.heads} attention heads`, text.activation];
  if (!isResNet(vision) && vision.activation !== text.activation) {
    parts[1] = `${vision.activation} and ${text.activation}`;
  }
  if (text.kind === "roberta") parts.push(`RoBERTa's ${text.pooling} pooling`);
  const isCausal = text.kind === undefined || text.kind === "clip";
  if (isCausal) parts.push(`id ${text.endTokenId} for the end of a caption`);
  return parts.join(", ");
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
  const missing: Missing[] = [];
  if (sketch.text.kind === "roberta" && sketch.text.pooling === "pooler") missing.push("pooling");
  if (differ(completed, activationsOf)) missing.push("activation");
  if (differ(completed, ({ vision }) => [vision.imageSize])) missing.push("image size");
  const names = published.map(({ name }) => name);
  const [config] = completed;
  if (missing.length > 0 || config === undefined) return refuseGuess(missing, names);
  const isSame = (known: PublishedModel): boolean => !differ([known.config, config], activationsOf);
  const like = (published.find(isSame) ?? published[0])?.name;
  if (options.isOpenai !== true) options.onAssume?.(`took ${describe(config)}, as in ${like}`);
  return config;
}
