import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import type { ClipConfig, PerTower } from "@clip-ts/model";
import { isOwnText, type BuiltInTextConfig } from "@clip-ts/text-encoder";
import { isOwnVision, isVit, visionTower, type VitConfig } from "@clip-ts/vision-encoder";
import { type OpenModelOptions } from "@clip-ts/node";
import { note } from "../../cli/output.ts";

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

const geluForms: ReadonlySet<Activation> = new Set(["gelu", "gelu_pytorch_tanh"]);

/** Whether two names stand for forms of one function, which differ by 1e-3 at most. */
function areForms(first: Activation, second: Activation): boolean {
  return geluForms.has(first) && geluForms.has(second);
}

/** @throws ClipError if `--activation` contradicts what the model says itself. */
export function checkActivation(
  found: PerTower<Activation>,
  model: string,
  options: OpenModelOptions,
): void {
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

/** Towers whose GELU libraries compute in two forms. */
interface Siglip {
  readonly vision: VitConfig;
  readonly text: BuiltInTextConfig;
}

/** The towers of a model with SigLIP's vision transformer. */
function siglipTowers({ vision, text }: ClipConfig): Siglip | undefined {
  const isSiglip = isVit(vision) && vision.pooling === "attention" && !isOwnText(text);
  return isSiglip ? { vision, text } : undefined;
}

/** Whether only the form of SigLIP's GELU is to change. */
function changesForm({ vision, text }: Siglip, options: OpenModelOptions): boolean {
  const given = givenTo(options);
  const { vision: image = vision.activation, text: words = text.activation } = given;
  const isSame = image === vision.activation && words === text.activation;
  return !isSame && areForms(image, vision.activation) && areForms(words, text.activation);
}

/**
 * The config with the activations that `--activation` gives. Of SigLIP it may change the form of GELU, which
 * is said: open_clip takes it from the tower's name, and others know only one.
 * @throws ClipError if it contradicts what the model says itself.
 */
export function withActivation(
  config: ClipConfig,
  model: string,
  options: OpenModelOptions,
): ClipConfig {
  const towers = siglipTowers(config);
  if (towers === undefined || !changesForm(towers, options)) {
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
