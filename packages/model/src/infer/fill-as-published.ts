import { isVit, visionTower } from "@clip-ts/vision-encoder";
import { textKind, type BuiltInTextConfig } from "@clip-ts/text-encoder";
import { activationOfVision } from "./fill-as-said.ts";
import { givenActivations, type InferOptions } from "./infer-options.ts";
import type { InferredClip, InferredVision } from "./infer-vision.ts";
import { refuseGuess, type Missing } from "./missing.ts";
import type { InferredModel } from "./published-sizes.ts";
import { headsOfTower, widthOfHeads } from "./tower-heads.ts";

function visionAsPublished(vision: InferredVision, options: InferOptions): InferredVision {
  const heads = headsOfTower("vision", widthOfHeads(vision), options) ?? vision.heads;
  if (!isVit(vision)) return { ...vision, heads };
  const given = activationOfVision(vision) ?? givenActivations(options).vision;
  const isByTanh = vision.pooling === "attention" && options.isOpenClip !== true;
  const activation = given ?? (isByTanh ? "gelu_pytorch_tanh" : vision.activation);
  return { ...vision, heads, activation };
}

function textAsPublished(text: BuiltInTextConfig, options: InferOptions): BuiltInTextConfig {
  const heads = headsOfTower("text", text.width, options) ?? text.heads;
  if (text.kind === "roberta") return { ...text, heads };
  const isByTanh = text.kind === "siglip" && options.isOpenClip !== true;
  const published = isByTanh ? "gelu_pytorch_tanh" : text.activation;
  const activation = givenActivations(options).text ?? published;
  return { ...text, heads, activation };
}

/** Whether some of the configs differ in what is picked of them. */
function differ(
  configs: readonly InferredClip[],
  pick: (config: InferredClip) => readonly unknown[],
): boolean {
  return new Set(configs.map((config) => JSON.stringify(pick(config)))).size > 1;
}

const activationsOf = ({ vision, text }: InferredClip): readonly unknown[] => [
  visionTower(vision).activation(vision) ?? "relu",
  text.activation,
];

function describe({ vision, text }: InferredClip): string {
  const parts = [`${vision.heads} and ${text.heads} attention heads`, text.activation];
  const ofVision = visionTower(vision).activation(vision) ?? text.activation;
  if (ofVision !== text.activation) parts[1] = `${ofVision} and ${text.activation}`;
  if (text.kind === "roberta") parts.push(`RoBERTa's ${text.pooling} pooling`);
  const isCausal = textKind(text) === "clip";
  if (isCausal) parts.push(`id ${text.endTokenId} for the end of a caption`);
  return parts.join(", ");
}

/** What published models of the same sizes do not agree on, or what of the file they do not have. */
function missingOf(sketch: InferredClip, completed: readonly InferredClip[]): Missing[] {
  const hasPooler = sketch.text.kind === "roberta" && sketch.text.pooling === "pooler";
  const found: readonly (readonly [Missing, boolean])[] = [
    ["pooling", hasPooler],
    ["activation", differ(completed, activationsOf)],
    ["image size", differ(completed, ({ vision }) => [vision.imageSize])],
  ];
  return found.flatMap(([what, isMissing]) => (isMissing ? [what] : []));
}

/** The name of the model that a completed config is like. */
function nameOf(config: InferredClip, published: readonly InferredModel[]): string | undefined {
  const isSame = (known: InferredModel): boolean => !differ([known.config, config], activationsOf);
  return (published.find(isSame) ?? published[0])?.name;
}

/**
 * A model of published sizes, completed as published; what the options say goes first.
 * @throws ClipError "bad-config" with `data.missing` where published models of these sizes differ.
 */
export function fillAsPublished(
  sketch: InferredClip,
  published: readonly InferredModel[],
  options: InferOptions,
): InferredClip {
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
