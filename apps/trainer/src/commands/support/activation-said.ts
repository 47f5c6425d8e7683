import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import type { ClipConfig, PerTower } from "@clip-ts/model";
import type { DescribeOptions } from "@clip-ts/node";
import { isResNet } from "@clip-ts/vision-encoder";
import { note } from "../../cli/output.ts";

/** The activations that a model leaves open: a ResNet's is always the same. */
function activationsIn({ vision, text }: ClipConfig): PerTower<Activation> {
  return { vision: isResNet(vision) ? undefined : vision.activation, text: text.activation };
}

function givenTo({ activation }: DescribeOptions): PerTower<Activation> {
  return typeof activation === "object" ? activation : { vision: activation, text: activation };
}

/** Whether two names stand for forms of one function, which differ by 1e-3 at most. */
function areForms(first: Activation, second: Activation): boolean {
  const forms: readonly Activation[] = ["gelu", "gelu_pytorch_tanh"];
  return forms.includes(first) && forms.includes(second);
}

/** @throws ClipError if `--activation` contradicts what the model says itself. */
export function checkActivation(
  found: PerTower<Activation>,
  model: string,
  options: DescribeOptions,
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

/** Whether a model is SigLIP, whose GELU libraries compute in two forms. */
function isSiglip({ vision }: ClipConfig): boolean {
  return !isResNet(vision) && vision.pooling === "attention";
}

/**
 * The config with the activations that `--activation` gives. Of SigLIP it may change the form of GELU, which
 * is said: open_clip takes it from the tower's name, and others know only one.
 * @throws ClipError if it contradicts what the model says itself.
 */
export function withActivation(
  config: ClipConfig,
  model: string,
  options: DescribeOptions,
): ClipConfig {
  const found = activationsIn(config);
  const given = givenTo(options);
  const { vision = found.vision, text = found.text } = given;
  const isSame = vision === found.vision && text === found.text;
  if (isSame || vision === undefined || text === undefined || isResNet(config.vision)) {
    checkActivation(found, model, options);
    return config;
  }
  const mayChange =
    isSiglip(config) &&
    areForms(vision, config.vision.activation) &&
    areForms(text, config.text.activation);
  if (!mayChange) {
    checkActivation(found, model, options);
    return config;
  }
  note(`GELU is computed as ${vision} and ${text} from now on; features move by about 2e-4`);
  return {
    ...config,
    vision: { ...config.vision, activation: vision },
    text: { ...config.text, activation: text },
  };
}
