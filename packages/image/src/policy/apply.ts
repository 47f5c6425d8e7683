import { ClipError, sidesOf, type ImageSize, type RandomStream } from "@clip-ts/base";
import { adjustBetween, type Color } from "../color.ts";
import { roundHalfEven } from "../crop.ts";
import { checkRgb, type Pixels } from "../pixels.ts";
import type { Interpolation } from "../resample-table.ts";
import { amountOf, applyOperation, type OperationName, type OperationSettings } from "./operations.ts";
import { parsePolicy, type MixPolicy, type Policy, type RandomPolicy } from "./parse.ts";

/** What policies take of a preprocessing. */
export interface PolicyConfig {
  readonly size: ImageSize;
  readonly mean: readonly [number, number, number];
  /** How moved images are read; "random" draws bilinear or bicubic each time. */
  readonly interpolation: Interpolation | "random";
  /** Hears each operation that is done, with its number in its own unit. */
  readonly onStep?: (done: { readonly name: OperationName; readonly amount: number }) => void;
  /** Hears by which shares the chains of an AugMix go into the mix, and which share of the result the mix is. */
  readonly onMix?: (shares: readonly number[], mixed: number) => void;
}

/** As timm's `create_transform` sets its policies. */
function settingsOf(policy: Policy, { size, mean, interpolation }: PolicyConfig): OperationSettings {
  const { height, width } = sidesOf(size);
  const fill = mean.map((value) => Math.min(255, Math.max(0, roundHalfEven(255 * value)))) as unknown as Color;
  if (interpolation !== "random" && interpolation !== "bilinear" && interpolation !== "bicubic") {
    throw new ClipError(
      "bad-config",
      `autoAugment moves images by "bilinear" or "bicubic", this model's filter is "${interpolation}": set ` +
        "randomInterpolation, which draws one of both.",
      { data: { interpolation } },
    );
  }
  return {
    fill,
    filter: interpolation === "random" ? undefined : interpolation,
    translatePixels: Math.trunc(Math.min(height, width) * 0.45),
    translateShare: policy.kind === "augmix" ? 0.3 : 0.45,
  };
}

/** The magnitude of one image. */
function drawMagnitude(magnitude: number, { deviation, most }: Policy, random: RandomStream): number {
  let drawn = magnitude;
  if (deviation === Number.POSITIVE_INFINITY) drawn = magnitude * random.uniform();
  else if (deviation > 0) drawn = magnitude + deviation * random.normal();
  return Math.max(0, Math.min(drawn, most));
}

/** What happens with a chance. */
interface Step {
  readonly name: OperationName;
  readonly probability: number;
  readonly magnitude: number;
}

/** Does steps to an image, each with its chance. */
type DoSteps = (image: Pixels, steps: readonly Step[]) => Pixels;

function stepper(policy: Policy, config: PolicyConfig, random: RandomStream): DoSteps {
  const settings = settingsOf(policy, config);
  return (image, steps) =>
    steps.reduce((made, { name, probability, magnitude }) => {
      if (probability < 1 && random.uniform() > probability) return made;
      const amount = amountOf(name, drawMagnitude(magnitude, policy, random), settings, random);
      config.onStep?.({ name, amount });
      return applyOperation(made, { name, amount }, settings, random);
    }, image);
}

/** One of the places, by their weights. */
function drawWeighted(weights: readonly number[], random: RandomStream): number {
  let rest = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  const index = weights.findIndex((weight) => (rest -= weight) < 0 && weight > 0);
  return index < 0 ? weights.findLastIndex((weight) => weight > 0) : index; // where sums are rounded
}

/** The operations of a RandAugment: with weights each once at most, otherwise evenly, again and again. */
function drawOperations({ operations, weights, layers }: RandomPolicy, random: RandomStream): OperationName[] {
  if (weights === undefined) {
    return Array.from({ length: layers }, () => operations[random.integer(operations.length)]!);
  }
  const left = [...weights];
  return Array.from({ length: layers }, () => {
    const index = drawWeighted(left, random);
    left[index] = 0;
    return operations[index]!;
  });
}

/** A number of the gamma distribution with scale 1 (Marsaglia and Tsang 2000; below 1 by a power of a uniform one). */
function drawGamma(shape: number, random: RandomStream): number {
  if (shape < 1) return drawGamma(shape + 1, random) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = random.normal();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Shares that sum to 1 (Dirichlet), each of the same distribution. */
function drawShares(count: number, alpha: number, random: RandomStream): number[] {
  const drawn = Array.from({ length: count }, () => drawGamma(alpha, random));
  const sum = drawn.reduce((total, value) => total + value, 0);
  return drawn.map((value) => Math.fround(value / sum));
}

/** How far each chain is blended in, one after the other, so that all have their share in the end. */
function blendingWeights(shares: readonly number[], mixed: number): number[] {
  let left = 1;
  const weights = shares.toReversed().map((share) => {
    const weight = (share * mixed) / left;
    left *= 1 - weight;
    return weight;
  });
  return weights.toReversed();
}

function mixChains(image: Pixels, shares: readonly number[], chain: () => Pixels): Pixels {
  const sums = new Float32Array(image.data.length);
  for (const share of shares) {
    const { data } = chain();
    for (let byte = 0; byte < sums.length; byte++) sums[byte]! += Math.fround(share * data[byte]!);
  }
  return { ...image, data: Uint8Array.from(sums, (sum) => Math.trunc(Math.min(Math.max(sum, 0), 255))) };
}

/** An image among chains of operations. */
interface Mixing {
  readonly steps: DoSteps;
  readonly onMix: PolicyConfig["onMix"];
}

function mix(image: Pixels, policy: MixPolicy, { steps, onMix }: Mixing, random: RandomStream): Pixels {
  const { operations, magnitude, width, alpha, isBlended } = policy;
  const shares = drawShares(width, alpha, random);
  const [mixed] = drawShares(2, alpha, random) as [number, number];
  onMix?.(shares, mixed);
  const chain = (): Pixels => {
    const depth = policy.depth > 0 ? policy.depth : 1 + random.integer(3);
    const names = Array.from({ length: depth }, () => operations[random.integer(operations.length)]!);
    return steps(
      image,
      names.map((name) => ({ name, probability: 1, magnitude })),
    );
  };
  if (!isBlended) return adjustBetween(image, mixChains(image, shares, chain), mixed);
  return blendingWeights(shares, mixed).reduce((made, weight) => adjustBetween(made, chain(), weight), image);
}

/**
 * Does to an RGB image what timm's `auto_augment` words ask for; each operation is Pillow's to the byte, what is drawn
 * has timm's distributions.
 * @throws ClipError "bad-config" for words that are none of timm's.
 */
export function autoAugment(image: Pixels, words: string, config: PolicyConfig, random: RandomStream): Pixels {
  checkRgb(image);
  const policy = parsePolicy(words);
  const steps = stepper(policy, config, random);
  if (policy.kind === "augmix") return mix(image, policy, { steps, onMix: config.onMix }, random);
  if (policy.kind === "auto") {
    const row = policy.policy[random.integer(policy.policy.length)]!;
    return steps(
      image,
      row.map(([name, probability, magnitude]) => ({ name, probability, magnitude })),
    );
  }
  const { probability, magnitude } = policy;
  return steps(
    image,
    drawOperations(policy, random).map((name) => ({ name, probability, magnitude })),
  );
}
