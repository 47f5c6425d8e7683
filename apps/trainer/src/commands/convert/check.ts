import { ClipError } from "@clip-ts/base";
import { flattenTree, type Activation, type ParamSpec } from "@clip-ts/core";
import { clipSpec, type ClipConfig, type PerTower } from "@clip-ts/model";
import type { OpenModelOptions } from "@clip-ts/node";
import { isOwnText, type BuiltInTextConfig } from "@clip-ts/text-encoder";
import { isOwnVision, isVit, visionTower, type VitConfig } from "@clip-ts/vision-encoder";
import { note } from "../../cli/output.ts";

/** A model and the name that messages give it. */
interface NamedModel {
  readonly name: string;
  readonly config: ClipConfig;
}

/** What two towers must share for the values between theirs to mean anything, shapes apart. */
const towerKeys = [
  "kind",
  "layers",
  "width",
  "heads",
  "mlpWidth",
  "activation",
  "pooling",
  "preNorm",
  "normAfterPool",
  "queryPool",
  "norms",
  "queryKeyNorm",
  "headScale",
  "innerNorm",
  "attentionNorm",
  "mlpNorm",
  "causal",
  "imageSize",
  "patchSize",
  "contextLength",
  "vocabSize",
] as const;

type Facts = Readonly<Record<string, unknown>>;

/** What configs may leave out. */
const defaults: Readonly<Record<"vision" | "text", Facts>> = {
  vision: { kind: "vit", pooling: "class", preNorm: true },
  text: { kind: "clip", pooling: "end" },
};

/** A value without the quotation marks of words. */
const shown = (value: unknown): string => JSON.stringify(value ?? "none").replaceAll('"', "");

/** "vision.width (512 and 768)" for a key in which two parts of models differ. */
function difference(label: string, key: string, [first, second]: readonly Facts[]): string[] {
  const [a, b] = [first, second].map((facts) => shown(facts?.[key]));
  return a === b ? [] : [`${label}${key} (${a} and ${b})`];
}

/** Where two towers differ; those of two kinds in that alone. */
function towerDifferences(side: "vision" | "text", models: readonly ClipConfig[]): string[] {
  const facts = models.map((config): Facts => ({ ...defaults[side], ...config[side] }));
  const kind = difference(`${side}.`, "kind", facts);
  return kind.length > 0 ? kind : towerKeys.flatMap((key) => difference(`${side}.`, key, facts));
}

/** Where two configs differ. */
function configDifferences(models: readonly ClipConfig[]): string[] {
  return [
    ...towerDifferences("vision", models),
    ...towerDifferences("text", models),
    ...difference("", "projectionDim", models as readonly object[] as readonly Facts[]),
  ];
}

/** Parameters with their shapes, as text. */
function shapesOf(config: ClipConfig): readonly string[] {
  const parameters = Object.entries(flattenTree<ParamSpec>(clipSpec(config)));
  return parameters.map(([path, { shape }]) => `${path} [${shape.join(", ")}]`);
}

/** Parameters that only one of two models has, where the keys of their configs tell nothing. */
function parameterDifferences(models: readonly ClipConfig[]): string[] {
  const [first = [], second = []] = models.map(shapesOf);
  const [inFirst, inSecond] = [new Set(first), new Set(second)];
  return [...first.filter((line) => !inSecond.has(line)), ...second.filter((line) => !inFirst.has(line))];
}

const most = 4;

/** @throws ClipError "bad-argument" that names two models and what differs, unless they are built alike. */
export function checkSameArchitecture(first: NamedModel, second: NamedModel): void {
  const models = [first.config, second.config];
  const inConfigs = configDifferences(models);
  const found = inConfigs.length > 0 ? inConfigs : parameterDifferences(models);
  if (found.length === 0) return;
  const rest = found.length > most ? ` and ${found.length - most} more` : "";
  throw new ClipError(
    "bad-argument",
    `Only models of one architecture can be interpolated, and ${first.name} and ${second.name} differ in ` +
      `${found.slice(0, most).join(", ")}${rest}.`,
    { data: { differences: found } },
  );
}

/** The activations that a model leaves open: a ResNet's is always the same, of others only they know. */
function activationsIn({ vision, text }: ClipConfig): PerTower<Activation> {
  return {
    vision: isOwnVision(vision) ? undefined : visionTower(vision).activation(vision),
    text: isOwnText(text) ? undefined : text.activation,
  };
}

function givenTo({ activation }: OpenModelOptions): PerTower<Activation> {
  return typeof activation === "object" ? activation : { vision: activation, text: activation };
}

const gelus: ReadonlySet<Activation> = new Set(["gelu", "gelu_pytorch_tanh"]);

/** Whether two names stand for GELU, exact or approximated by tanh, which differ by 1e-3 at most. */
function areBothGelu(first: Activation, second: Activation): boolean {
  return gelus.has(first) && gelus.has(second);
}

/** @throws ClipError if `--activation` contradicts what the model says itself. */
export function checkActivation(found: PerTower<Activation>, model: string, options: OpenModelOptions): void {
  const given = givenTo(options);
  for (const side of ["vision", "text"] as const) {
    const [ours, theirs] = [given[side], found[side]];
    if (ours === undefined || theirs === undefined || ours === theirs) continue;
    throw new ClipError(
      "bad-argument",
      `--activation ${ours} is for weights that come without a config, and ${model} itself says ` +
        `${theirs}: leave the option out, or correct the config.`,
      { data: { model, activation: ours, found: theirs } },
    );
  }
}

/** Towers whose GELU libraries compute exactly or by tanh. */
interface Siglip {
  readonly vision: VitConfig;
  readonly text: BuiltInTextConfig;
}

/** The towers of a model with SigLIP's vision transformer. */
function siglipTowers({ vision, text }: ClipConfig): Siglip | undefined {
  const isSiglip = isVit(vision) && vision.pooling === "attention" && !isOwnText(text);
  return isSiglip ? { vision, text } : undefined;
}

/** Whether nothing but how SigLIP's GELU is computed is to change. */
function changesGelu({ vision, text }: Siglip, options: OpenModelOptions): boolean {
  const given = givenTo(options);
  const { vision: image = vision.activation, text: words = text.activation } = given;
  const isSame = image === vision.activation && words === text.activation;
  return !isSame && areBothGelu(image, vision.activation) && areBothGelu(words, text.activation);
}

/**
 * The config with the activations that `--activation` gives. Of SigLIP it may change how GELU is computed, which
 * is said: open_clip takes it from the tower's name, and others know only one.
 * @throws ClipError if it contradicts what the model says itself.
 */
export function withActivation(config: ClipConfig, model: string, options: OpenModelOptions): ClipConfig {
  const towers = siglipTowers(config);
  if (towers === undefined || !changesGelu(towers, options)) {
    checkActivation(activationsIn(config), model, options);
    return config;
  }
  const { vision: tower, text: words } = towers;
  const { vision = tower.activation, text = words.activation } = givenTo(options);
  note(`GELU is computed as ${vision} and ${text} from now on; features move by about 2e-4`);
  return {
    ...config,
    vision: { ...tower, activation: vision },
    text: { ...words, activation: text },
  };
}
