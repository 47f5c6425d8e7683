import { ClipError } from "@clip-ts/base";
import type { RowRange, TensorInfo } from "./host-tensor.ts";
import type { Layout } from "./layout.ts";
import { isIgnorable, rewrite, rulesFor, type NameRule } from "./name-rules.ts";

/** How to make one tensor: stack the sources along the first axis, then perhaps transpose. */
export interface TensorPlan extends TensorInfo {
  readonly sources: readonly { readonly name: string; readonly rows?: RowRange }[];
  readonly transposed: boolean;
}

/** Plans by target name. */
export type ConversionPlan = ReadonlyMap<string, TensorPlan>;

type Described = (name: string) => TensorInfo;

interface Match {
  readonly rule: NameRule;
  readonly name: string;
  /** Hugging Face names of the rule, filled in. */
  readonly huggingFace: readonly string[];
  readonly openai: string;
}

function badTensor(name: string, message: string): ClipError {
  return new ClipError("bad-weights", `${name}: ${message}`, { data: { name } });
}

function matchRule(name: string, rules: readonly NameRule[], from: Layout): Match {
  for (const rule of rules) {
    for (const pattern of from === "openai" ? [rule.openai] : rule.huggingFace) {
      const openai = rewrite(name, pattern, rule.openai);
      if (openai === undefined) continue;
      const huggingFace = rule.huggingFace.map((to) => rewrite(name, pattern, to) ?? "");
      return { rule, name, huggingFace, openai };
    }
  }
  throw badTensor(name, "no CLIP tensor has this name; only ViT and ResNet CLIP can be converted.");
}

/** The plan for a tensor that is `info` once its sources are stacked. */
function planned(info: TensorInfo, sources: TensorPlan["sources"], match: Match): TensorPlan {
  const { dtype, shape } = info;
  const { transposed } = match.rule;
  if (transposed && shape.length !== 2) {
    throw badTensor(match.name, `expected a matrix, found [${shape.join(", ")}].`);
  }
  return { dtype, shape: transposed ? shape.toReversed() : shape, sources, transposed };
}

/** What an OpenAI tensor becomes: one tensor, or equal parts of its rows. */
function split(match: Match, describe: Described): [string, TensorPlan][] {
  const { name, huggingFace } = match;
  const { dtype, shape } = describe(name);
  const [only = "", ...others] = huggingFace;
  if (others.length === 0) return [[only, planned({ dtype, shape }, [{ name }], match)]];
  const [rows = 0, ...row] = shape;
  const count = rows / huggingFace.length;
  if (!Number.isInteger(count)) {
    throw badTensor(
      name,
      `expected ${huggingFace.length} equal parts of rows, found [${shape.join(", ")}].`,
    );
  }
  return huggingFace.map((part, index) => {
    const source = { name, rows: [index * count, (index + 1) * count] as const };
    return [part, planned({ dtype, shape: [count, ...row] }, [source], match)];
  });
}

/** The stack of a rule's parts, which must all be there and alike. */
function merge(match: Match, names: ReadonlySet<string>, describe: Described): TensorPlan {
  const [first = ""] = match.huggingFace;
  for (const part of match.huggingFace) {
    if (!names.has(part)) throw badTensor(part, `missing, but ${match.name} is there.`);
    const { dtype, shape } = describe(part);
    if (dtype !== describe(first).dtype || shape.join() !== describe(first).shape.join()) {
      throw badTensor(part, `must have the dtype and shape of ${first} to be stacked with it.`);
    }
  }
  const { dtype, shape } = describe(first);
  const [rows, ...row] = shape;
  const stacked = rows === undefined ? [] : [rows * match.huggingFace.length, ...row];
  const sources = match.huggingFace.map((name) => ({ name }));
  return planned({ dtype, shape: stacked }, sources, match);
}

/**
 * How to make every tensor of the other layout from tensors named `names`. Buffers that no model
 * learns are left out; a name without a rule is an error.
 */
export function planConversion(
  names: readonly string[],
  from: Layout,
  describe: Described,
): ConversionPlan {
  const rules = rulesFor(names);
  const kept = new Set(names.filter((name) => !isIgnorable(name)));
  const matches = [...kept].map((name) => matchRule(name, rules, from));
  if (from === "openai") return new Map(matches.flatMap((match) => split(match, describe)));
  const stacks = new Map(matches.map((match) => [match.openai, match]));
  return new Map([...stacks].map(([name, match]) => [name, merge(match, kept, describe)]));
}
