import { ClipError } from "@clip-ts/base";
import type { OperationName } from "./operations.ts";
import {
  autoPolicies,
  increasingOperations,
  mixedOperations,
  randomOperations,
  threeOperations,
  weightedOperations,
  type SubPolicy,
} from "./policies.ts";

/** How magnitudes vary from image to image. */
interface Magnitudes {
  /** Standard deviation of what is added; infinite for evenly drawn ones up to the magnitude. */
  readonly deviation: number;
  /** Most that a magnitude becomes. */
  readonly most: number;
}

/** A searched policy: one of its rows is done. */
export interface AutoPolicy extends Magnitudes {
  readonly kind: "auto";
  readonly policy: readonly SubPolicy[];
}

/** Operations drawn one by one: each is done or not. */
export interface RandomPolicy extends Magnitudes {
  readonly kind: "rand";
  readonly operations: readonly OperationName[];
  /** Of the operations; with them none is drawn twice. */
  readonly weights?: readonly number[];
  readonly magnitude: number;
  readonly layers: number;
  readonly probability: number;
}

/** Chains of operations, mixed with each other and with the image. */
export interface MixPolicy extends Magnitudes {
  readonly kind: "augmix";
  readonly operations: readonly OperationName[];
  readonly magnitude: number;
  readonly width: number;
  /** Operations of a chain; 1 to 3, drawn, if it is not above 0. */
  readonly depth: number;
  /** Of the Dirichlet and the beta distribution that weights are drawn from. */
  readonly alpha: number;
  readonly isBlended: boolean;
}

/** What `autoAugment` of a config asks for. */
export type Policy = AutoPolicy | RandomPolicy | MixPolicy;

function refuse(text: string, why: string): never {
  throw new ClipError(
    "bad-config",
    `autoAugment "${text}": ${why}. It is timm's: rand-m9-n2-mstd0.5-inc1, augmix-m3-w3-d2, or one of ` +
      `${Object.keys(autoPolicies).join(", ")}, each with -mstd and a number.`,
    { data: { autoAugment: text } },
  );
}

/** The sections behind the first, as numbers by their names. */
function numbersOf(text: string, sections: readonly string[], known: readonly string[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const section of sections) {
    const [, key = "", value = ""] = /^([a-z]+)(\d.*)$/u.exec(section) ?? [];
    if (!known.includes(key)) refuse(text, `"${section}" should be a number behind one of ${known.join(", ")}`);
    const number = Number(value);
    if (Number.isNaN(number)) refuse(text, `"${section}" holds no number`);
    if (!numbers.has(key)) numbers.set(key, number);
  }
  return numbers;
}

function wholeOf(text: string, numbers: ReadonlyMap<string, number>, [key, usual, least]: [string, number, number]) {
  const value = numbers.get(key) ?? usual;
  if (Number.isSafeInteger(value) && value >= least) return value;
  return refuse(text, `"${key}" should be a whole number from ${least} on`);
}

function operationsOf(
  text: string,
  set: string | undefined,
  isIncreasing: boolean,
): Pick<RandomPolicy, "operations" | "weights"> {
  if (set === undefined) return { operations: isIncreasing ? increasingOperations : randomOperations };
  if (set === "3a") return { operations: threeOperations };
  const weighted = weightedOperations[set];
  if (weighted === undefined) return refuse(text, `"t${set}" should be tweights, t3a or t3aw`);
  const entries = Object.entries(weighted) as [OperationName, number][];
  return { operations: entries.map(([name]) => name), weights: entries.map(([, weight]) => weight) };
}

function parseRandom(text: string, sections: readonly string[]): RandomPolicy {
  const set = sections.find((section) => section.startsWith("t"));
  const others = sections.filter((section) => !section.startsWith("t"));
  const numbers = numbersOf(text, others, ["m", "n", "p", "mstd", "mmax", "inc"]);
  const deviation = numbers.get("mstd") ?? 0;
  const probability = numbers.get("p") ?? 0.5;
  if (probability > 1) refuse(text, '"p" should be a number from 0 to 1');
  const drawn = operationsOf(text, set?.slice(1), (numbers.get("inc") ?? 0) > 0);
  const layers = wholeOf(text, numbers, ["n", 2, 0]);
  if (drawn.weights !== undefined && layers > drawn.operations.length) {
    refuse(text, `"n" should be ${drawn.operations.length} at most: none is drawn twice`);
  }
  return {
    kind: "rand",
    ...drawn,
    magnitude: wholeOf(text, numbers, ["m", 10, 0]),
    layers,
    probability,
    deviation: deviation > 100 ? Number.POSITIVE_INFINITY : deviation,
    most: wholeOf(text, numbers, ["mmax", 0, 0]) || 10,
  };
}

function parseMix(text: string, sections: readonly string[]): MixPolicy {
  const numbers = numbersOf(text, sections, ["m", "w", "d", "a", "b", "mstd"]);
  const alpha = numbers.get("a") ?? 1;
  if (!(alpha > 0)) refuse(text, '"a" should be above 0');
  return {
    kind: "augmix",
    operations: mixedOperations,
    magnitude: wholeOf(text, numbers, ["m", 3, 0]),
    width: wholeOf(text, numbers, ["w", 3, 1]),
    depth: wholeOf(text, numbers, ["d", 0, 0]),
    alpha,
    isBlended: (numbers.get("b") ?? 0) > 0,
    deviation: numbers.get("mstd") ?? Number.POSITIVE_INFINITY,
    most: 10,
  };
}

/** Reads the words by which timm's `create_transform` asks for a policy. @throws ClipError "bad-config" for others. */
export function parsePolicy(text: string): Policy {
  const [name = "", ...sections] = text.split("-");
  if (name === "rand") return parseRandom(text, sections);
  if (name === "augmix") return parseMix(text, sections);
  const policy = autoPolicies[name];
  if (policy === undefined) return refuse(text, `"${name}" is no policy`);
  return { kind: "auto", policy, deviation: numbersOf(text, sections, ["mstd"]).get("mstd") ?? 0, most: 10 };
}
