import { ClipError, shown, sizeOf, type ImageSize } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";

/** A parsed JSON object. */
export type Json = Readonly<Record<string, unknown>>;

const activations: readonly string[] = [
  "gelu",
  "gelu_pytorch_tanh",
  "quick_gelu",
  "relu",
  "silu",
] satisfies Activation[];

/** The largest sizes that a file may ask for; beyond them it is broken, and a model of it would fill the memory. */
const most = {
  layers: 1024,
  stages: 64,
  side: 4096,
  tokens: 65_536,
  vocabulary: 16_777_216,
  other: 1_048_576,
} as const;

/** Numbers from `least` to `most`, both included. */
interface Range {
  readonly least: number;
  readonly most: number;
}

/** Logarithm of a factor: beyond these, exp overflows 32 bits or is nothing. */
const scaleRange: Range = { least: -50, most: 50 };
const anyRange: Range = { least: -1e6, most: 1e6 };

/** Refuses a value of a config file. @throws ClipError "bad-config" that names key, need and value. */
function refuse(key: string, expected: string, actual: unknown): never {
  const came = actual === undefined ? "nothing" : shown(actual);
  throw new ClipError("bad-config", `config.json: ${key} should be ${expected}, got ${came}.`, {
    data: { key, expected, actual },
  });
}

function isWhole(value: unknown, { least, most }: Range): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** One object of a config file: gives checked values, or falls back where a key is missing. */
export class Section {
  readonly json: Json;
  private readonly path: string;

  constructor(json: unknown, path = "") {
    if (typeof json !== "object" || json === null) refuse(path, "an object", json);
    this.json = json as Json;
    this.path = path;
  }

  /** The object under a key; `{}` stands for a missing one only if that is the fallback. */
  section(key: string, fallback?: Json): Section {
    return new Section(this.json[key] ?? fallback, `${this.path}${key}.`);
  }

  /** Whether the key is there and not null. */
  has(key: string): boolean {
    return this.json[key] !== undefined && this.json[key] !== null;
  }

  /** A size from 1. */
  positive(key: string, fallback?: number, largest: number = most.other): number {
    const value = this.json[key] ?? fallback;
    if (isWhole(value, { least: 1, most: largest })) return value;
    const isTooMuch = typeof value === "number" && value > largest;
    return this.refuse(key, `a positive whole number${isTooMuch ? ` up to ${largest}` : ""}`);
  }

  /** How many blocks a stack has. */
  layers(key: string, fallback?: number): number {
    return this.positive(key, fallback, most.layers);
  }

  /** Blocks of the four stages of a ResNet. */
  stages(key: string): readonly [number, number, number, number] {
    const value = this.json[key];
    const range = { least: 1, most: most.layers };
    if (Array.isArray(value) && value.length === 4 && value.every((item) => isWhole(item, range))) {
      return value as unknown as readonly [number, number, number, number];
    }
    return this.refuse(key, `four positive whole numbers up to ${most.layers}`);
  }

  /** Sizes of stages, one after the other. */
  sizes(key: string, fallback?: readonly number[]): readonly number[] {
    const value = this.json[key] ?? fallback;
    const isList = Array.isArray(value) && value.length > 0 && value.length <= most.stages;
    if (isList && value.every((size) => isWhole(size, { least: 1, most: most.layers }))) return value;
    return this.refuse(key, `up to ${most.stages} positive whole numbers up to ${most.layers}`);
  }

  /** Whole numbers from 0, as many as one likes. */
  numbers(key: string, fallback?: readonly number[]): readonly number[] {
    const value = this.json[key] ?? fallback;
    const isList = Array.isArray(value) && value.length <= most.layers;
    if (isList && value.every((item) => isWhole(item, { least: 0, most: most.other }))) return value;
    return this.refuse(key, "a list of whole numbers");
  }

  /** The objects in a list. */
  sections(key: string): Section[] {
    const value = this.json[key];
    if (!Array.isArray(value) || value.length === 0 || value.length > most.stages) {
      return this.refuse(key, `a list of up to ${most.stages} objects`);
    }
    return value.map((item, index) => new Section(item, `${this.path}${key}.${index}.`));
  }

  /** A length in pixels; a pair of equal ones, as other libraries allow, is one. */
  side(key: string, fallback?: number): number {
    const value = this.json[key];
    if (!Array.isArray(value)) return this.positive(key, fallback, most.side);
    const [height, width, ...more] = value as unknown[];
    const range = { least: 1, most: most.side };
    if (isWhole(height, range) && height === width && more.length === 0) return height;
    return this.refuse(key, "a positive whole number (images and patches are square here)");
  }

  /** A size in pixels: a number, or height and width. */
  size(key: string, fallback?: number): ImageSize {
    const value = this.json[key];
    if (!Array.isArray(value)) return this.positive(key, fallback, most.side);
    const [height, width, ...more] = value as unknown[];
    const range = { least: 1, most: most.side };
    if (isWhole(height, range) && isWhole(width, range) && more.length === 0) return sizeOf({ height, width });
    return this.refuse(key, `a positive whole number or [height, width], each up to ${most.side}`);
  }

  /** How many tokens a caption may have. */
  tokens(key: string, fallback?: number): number {
    return this.positive(key, fallback, most.tokens);
  }

  /** Rows of a token table. */
  vocabulary(key: string, fallback?: number): number {
    return this.positive(key, fallback, most.vocabulary);
  }

  /** A token's id in a vocabulary of this size. */
  tokenId(key: string, vocabSize: number, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    if (isWhole(value, { least: 0, most: vocabSize - 1 })) return value;
    return this.refuse(key, `an id below the vocabulary's ${vocabSize}`, value);
  }

  number(key: string, fallback?: number, { least, most }: Range = anyRange): number {
    const value = this.json[key] ?? fallback;
    if (typeof value !== "number") return this.refuse(key, "a number");
    if (value >= least && value <= most) return value;
    return this.refuse(key, `a number from ${least} to ${most}`);
  }

  /** What is added to a variance before its root. */
  epsilon(key: string, fallback?: number): number {
    return this.number(key, fallback, { least: 0, most: 0.1 });
  }

  /** A share of something. */
  share(key: string, fallback?: number): number {
    return this.number(key, fallback, { least: 0, most: 1 });
  }

  /** The logarithm of a factor on cosines. */
  logScale(key: string, fallback?: number): number {
    return this.number(key, fallback, scaleRange);
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.json[key] ?? fallback;
    return typeof value === "boolean" ? value : this.refuse(key, "true or false");
  }

  text(key: string): string {
    const value = this.json[key];
    return typeof value === "string" ? value : this.refuse(key, "a text");
  }

  choice<Name extends string>(key: string, names: readonly Name[], fallback?: Name): Name {
    const value = this.json[key] ?? fallback;
    if (names.includes(value as Name)) return value as Name;
    return this.refuse(key, `one of ${names.join(", ")}`);
  }

  activation(key: string, fallback?: Activation): Activation {
    return this.choice(key, activations, fallback) as Activation;
  }

  /** Refuses the value of a key. */
  refuse(key: string, expected: string, actual: unknown = this.json[key]): never {
    return refuse(this.path + key, expected, actual);
  }

  /** Refuses keys beside the known ones, which would be left out in silence. */
  onlyKeys(known: readonly string[]): void {
    const other = Object.keys(this.json).find((key) => this.has(key) && !known.includes(key));
    if (other === undefined) return;
    throw new ClipError(
      "bad-config",
      `config.json: ${this.path}${other} is no key of this kind of model: correct or remove it.`,
      { data: { key: this.path + other, known } },
    );
  }

  /** Refuses a key that has any value but the given one: what the model does not do. */
  only(key: string, value: unknown): void {
    if (this.has(key) && this.json[key] !== value) this.refuse(key, JSON.stringify(value));
  }

  /** Refuses a key that is there, with what is the matter with it. */
  without(key: string, why: string): void {
    if (this.has(key)) this.refuse(key, `left out: ${why}`);
  }
}
