import type { Json } from "./section.ts";

/**
 * How a number is written that transformers 5 takes as a fraction only: `float` in its configuration classes, or made a
 * parameter, which whole numbers cannot be.
 */
interface FractionKey {
  /** What it is where a file does not say it. */
  readonly fallback?: number;
  /** Sizes that it makes are cut off, so that less would make them smaller; elsewhere more could be out of range. */
  readonly isCutOff?: boolean;
}

const fractionKeys: Readonly<Record<string, FractionKey>> = {
  batch_norm_eps: {},
  batch_norm_momentum: {},
  depth_coefficient: {},
  initializer_range: {},
  layer_norm_eps: {},
  layerscale_value: { fallback: 1 },
  logit_scale_init_value: {},
  squeeze_expansion_ratio: { isCutOff: true },
  temperature_init_value: { fallback: 1 },
  width_coefficient: { fallback: 2, isCutOff: true },
};

/** The next number that is not whole: of zero the smallest, which is zero in 32 bits. */
function nextFraction(value: number, { isCutOff = false }: FractionKey): number {
  if (value === 0) return Number.MIN_VALUE;
  return value + (isCutOff ? 1 : -1) * value * Number.EPSILON;
}

function fractionOf(name: string, value: unknown): unknown {
  const key = fractionKeys[name];
  if (key === undefined || typeof value !== "number" || !Number.isInteger(value)) return value;
  return value === key.fallback ? undefined : nextFraction(value, key);
}

/** The whole number that `nextFraction` has made this of, or the value itself. */
function wholeOf(name: string, value: unknown): unknown {
  const key = fractionKeys[name];
  if (key === undefined || typeof value !== "number") return value;
  const whole = Math.round(value);
  return value === nextFraction(whole, key) ? whole : value;
}

type Change = (name: string, value: unknown) => unknown;

function changedValues(section: Json, change: Change): Json {
  const entries = Object.entries(section).map(([name, value]) => [name, change(name, value)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

const towers = /^(text|vision)_config(_dict)?$/u;

/** A config of transformers', its towers' sections included, with every value changed. */
const changed = (config: Json, change: Change): Json =>
  changedValues(config, (name, value) => {
    const isTower = towers.test(name) && typeof value === "object" && value !== null && !Array.isArray(value);
    return isTower ? changedValues(value as Json, change) : change(name, value);
  });

/**
 * A config of transformers' with its fractions written as such: it refuses `2` where it wants `2.0`, and JSON here has no
 * way to write the second. A whole number that is the default is left out, any other one is the next that is not whole.
 */
export const withFractions = (config: Json): Json => changed(config, fractionOf);

/** A config of transformers' with the whole numbers again that `withFractions` has written as fractions. */
export const withWholes = (config: Json): Json => changed(config, wholeOf);
