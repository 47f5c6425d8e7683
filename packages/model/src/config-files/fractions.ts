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

/**
 * A config of transformers' with its fractions written as such: it refuses `2` where it wants `2.0`, and JSON here has no
 * way to write the second. A whole number that is the default is left out, any other one is the next that is not whole.
 */
export function withFractions(config: Json): Json {
  const entries = Object.entries(config).map(([name, value]) => {
    const isSection = name.endsWith("_config") && typeof value === "object" && value !== null;
    return [name, isSection ? withFractions(value as Json) : fractionOf(name, value)] as const;
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
