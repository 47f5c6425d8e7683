import { ClipError } from "@clip-ts/base";
import { param, uniform, zeros, type FlatTree, type ParamSpec } from "@clip-ts/core";
import { add, matMul, mul, type Tensor } from "@tensorflow/tfjs-core";
import { resolveByPath } from "./path-rules.ts";

/** Which matrices get an adapter, and of what size. */
export interface LoraConfig {
  /** Inner length of the adapters: 4 to 16 is usual. */
  readonly rank: number;
  /** Numerator of the factor alpha / rank on what adapters add; `rank` by default. */
  readonly alpha?: number;
  /** Kinds of layers, paths or patterns as in `PathRules`; attention and MLP by default. */
  readonly targets?: readonly (RegExp | string)[];
}

/** Patterns of the kinds that have a name, in every tower. */
const kinds: Readonly<Record<string, RegExp>> = {
  attention: /\b(self_attn|attention|attnpool)\..*weight$/,
  mlp: /\b(mlp|intermediate|(?<!attention\.)output)\..*weight$/,
};

/** Layers of any of these kinds. */
const anyKind = new RegExp(
  Object.values(kinds)
    .map(({ source }) => source)
    .join("|"),
);

const modulePath = (weight: string): string => weight.replace(/\.weight$/, "");

/** Names of a matrix's two adapters: those of Hugging Face PEFT. */
const adapterNames = (weight: string): readonly [down: string, up: string] => [
  `${modulePath(weight)}.lora_A.weight`,
  `${modulePath(weight)}.lora_B.weight`,
];

/** Paths of the matrices that the config adapts. @throws ClipError "bad-config" for an idle target. */
export function loraTargets(
  params: FlatTree<{ readonly shape: readonly number[] }>,
  { targets = [anyKind] }: Pick<LoraConfig, "targets">,
): string[] {
  const matrices = Object.keys(params).filter(
    (path) => path.endsWith(".weight") && params[path]?.shape.length === 2 && !/embed/.test(path),
  );
  const patterns = targets.map((target) => (typeof target === "string" && kinds[target]) || target);
  const chosen = resolveByPath(
    matrices,
    patterns.map((pattern) => [pattern, true] as const),
    false,
  );
  return matrices.filter((path) => chosen[path]);
}

function checkRank(rank: number, path: string, shape: readonly number[]): void {
  const most = Math.min(...shape);
  if (Number.isInteger(rank) && rank >= 1 && rank <= most) return;
  throw new ClipError(
    "bad-config",
    `lora.rank: "${path}" of [${shape.join(", ")}] takes a whole number from 1 to ${most}, got ${rank}.`,
    { data: { path, rank } },
  );
}

/**
 * Adapters for a model: for each adapted weight [out, in] a matrix A [rank, in], drawn like a linear
 * layer, and B [out, rank] of zeros, so that training starts at the model itself (Hu et al. 2021,
 * arXiv:2106.09685, section 4.1).
 */
export function loraSpec(
  params: FlatTree<{ readonly shape: readonly number[] }>,
  config: LoraConfig,
): Record<string, ParamSpec> {
  const adapters = loraTargets(params, config).flatMap((path) => {
    const shape = params[path]?.shape ?? [];
    const [outputs = 0, inputs = 0] = shape;
    checkRank(config.rank, path, shape);
    const [down, up] = adapterNames(path);
    return [
      [down, param([config.rank, inputs], uniform(1 / Math.sqrt(inputs)))],
      [up, param([outputs, config.rank], zeros)],
    ] as const;
  });
  return Object.fromEntries(adapters);
}

/**
 * The parameters with their adapters added: weight + alpha / rank · B · A. Leaves without an adapter
 * are the given tensors themselves; the sums are new. Differentiable, so training may run through it.
 */
export function mergeLora(
  params: FlatTree<Tensor>,
  adapters: FlatTree<Tensor>,
  { rank, alpha = rank }: Pick<LoraConfig, "rank" | "alpha">,
): Record<string, Tensor> {
  const merged = Object.entries(params).map(([path, leaf]): [string, Tensor] => {
    const [down, up] = adapterNames(path).map((name) => adapters[name]);
    if (down === undefined || up === undefined) return [path, leaf];
    return [path, add(leaf, mul(matMul(up, down), alpha / rank))];
  });
  return Object.fromEntries(merged);
}
