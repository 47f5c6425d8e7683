import { same, transpose, type Change } from "./change.ts";

/**
 * One tensor (or one family of tensors) in two layouts. `{layer}` stands for a number, `{part}` for
 * `weight` or `bias`, `{rest}` for anything. Where one side is several names, the other side's tensor
 * is these, stacked along the first axis in this order.
 */
export interface NameRule {
  /** Names in the other layout. */
  readonly other: readonly string[];
  /** Names in clip-ts's own parameter tree, which are Hugging Face's where it has the model. */
  readonly canonical: readonly string[];
  readonly change: Change;
  /** Shares of the rows that several names have; equal if absent. */
  readonly shares?: readonly number[];
}

/** The same values under other names; several canonical names are one stacked tensor there. */
export function renamed(other: string, ...canonical: string[]): NameRule {
  return { other: [other], canonical, change: same };
}

/** A matrix that multiplies from the other side there. */
export function transposed(other: string, canonical: string): NameRule {
  return { other: [other], canonical: [canonical], change: transpose };
}

/** A tensor whose shape or order differs. */
export function changed(other: string, canonical: string, change: Change): NameRule {
  return { other: [other], canonical: [canonical], change };
}

/** Weight and bias of a layer under one name each, changed in different ways. */
export function changedPair(
  other: readonly [weight: string, bias: string],
  canonical: string,
  changes: readonly [weight: Change, bias: Change],
): NameRule[] {
  return [
    changed(other[0], `${canonical}.weight`, changes[0]),
    changed(other[1], `${canonical}.bias`, changes[1]),
  ];
}

/** Queries, keys and values of an attention, which most layouts stack. */
export function attentionInputs(attention: string): readonly [string, string, string] {
  const part = (name: string): string => `${attention}.${name}_proj.{part}`;
  return [part("q"), part("k"), part("v")];
}

const placeholders: Readonly<Record<string, string>> = {
  layer: "(?<layer>\\d+)",
  part: "(?<part>weight|bias)",
  rest: "(?<rest>.+)",
};

const compiled = new Map<string, RegExp>();

/** The names of a pattern, as an expression that is made once. */
function expressionOf(pattern: string): RegExp {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  const source = pattern
    .replaceAll(".", "\\.")
    .replaceAll(/\{(\w+)\}/g, (_, key: string) => placeholders[key] ?? "");
  const expression = new RegExp(`^${source}$`);
  compiled.set(pattern, expression);
  return expression;
}

/** `name` rewritten from one pattern to another, or undefined where `from` does not match. */
export function rewrite(name: string, from: string, to: string): string | undefined {
  const groups = expressionOf(from).exec(name);
  if (groups === null) return undefined;
  return to.replaceAll(/\{(\w+)\}/g, (_, key: string) => groups.groups?.[key] ?? "");
}
