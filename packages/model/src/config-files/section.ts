import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";

/** A parsed JSON object. */
export type Json = Readonly<Record<string, unknown>>;

const activations: readonly string[] = [
  "gelu",
  "gelu_pytorch_tanh",
  "quick_gelu",
  "relu",
] satisfies Activation[];

/** Refuses a value of a config file. @throws ClipError "bad-config" that names key, need and value. */
function refuse(key: string, expected: string, actual: unknown): never {
  const came = actual === undefined ? "nothing" : JSON.stringify(actual);
  throw new ClipError("bad-config", `config.json: ${key} should be ${expected}, got ${came}.`, {
    data: { key, expected, actual },
  });
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

  positive(key: string, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
    return this.refuse(key, "a positive whole number");
  }

  /** A token id or another whole number from 0. */
  count(key: string, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
    return this.refuse(key, "a whole number from 0");
  }

  number(key: string, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    return typeof value === "number" ? value : this.refuse(key, "a number");
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
  refuse(key: string, expected: string): never {
    return refuse(this.path + key, expected, this.json[key]);
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
}
