import type { OptimizerConfig, PathRules } from "@clip-ts/optim";
import type { RunConfig } from "./schema.ts";

/** "/…/" is a regular expression, anything else the name of a leaf or subtree. */
function patternOf(text: string): RegExp | string {
  const inner = /^\/(.+)\/$/.exec(text)?.[1];
  return inner === undefined ? text : new RegExp(inner);
}

function rules<Value>(pairs: readonly (readonly [string, Value])[]): PathRules<Value> {
  return pairs.map(([pattern, value]) => [patternOf(pattern), value] as const);
}

/** The optimiser that a run's config describes. */
export function optimizerConfig({ optimizer }: RunConfig): OptimizerConfig {
  const { decay, multipliers, ...rest } = optimizer;
  return {
    ...rest,
    ...(decay === undefined ? {} : { decay: rules(decay) }),
    ...(multipliers === undefined ? {} : { multipliers: rules(multipliers) }),
  };
}
