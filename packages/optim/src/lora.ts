import { ClipError } from "@clip-ts/base";
import { param, uniform, zeros, type FlatTree, type HostArray, type HostArrays, type ParamSpec } from "@clip-ts/core";
import { add, matMul, mul, type Tensor } from "@tensorflow/tfjs-core";
import { resolveByPath, roleOf, type LeafTraits } from "./leaf-rules.ts";

/** Which matrices get an adapter, and of what size. */
export interface LoraConfig {
  /** Inner length of the adapters: 4 to 16 is usual. */
  readonly rank: number;
  /** Numerator of the factor alpha / rank on what adapters add; `rank` by default. */
  readonly alpha?: number;
  /** Kinds of layers, paths or patterns as in `PathRules`; attention and MLP by default. */
  readonly targets?: readonly (RegExp | string)[];
}

const weightName = ".weight";

const modulePath = (weight: string): string => weight.slice(0, -weightName.length);

/** Names of a matrix's two adapters: those of Hugging Face PEFT. */
const adapterNames = (weight: string): readonly [down: string, up: string] => [
  `${modulePath(weight)}.lora_A.weight`,
  `${modulePath(weight)}.lora_B.weight`,
];

/** Whether an adapter can stand beside a parameter: a map of rows to rows, in a module of its own. */
function isAdaptable([path, leaf]: readonly [string, LeafTraits]): boolean {
  const isMap = leaf.shape.length === 2 && roleOf(leaf) !== "embedding";
  return isMap && path.endsWith(weightName);
}

/** Paths of the matrices that the config adapts. @throws ClipError "bad-config" for an idle target. */
export function loraTargets(params: FlatTree<LeafTraits>, { targets }: Pick<LoraConfig, "targets">): string[] {
  const matrices = Object.fromEntries(Object.entries(params).filter(isAdaptable));
  const paths = Object.keys(matrices);
  const ofSome = paths.filter((path) => matrices[path]?.layer !== undefined);
  if (targets === undefined && ofSome.length > 0) return ofSome;
  const rules = (targets ?? ["attention", "mlp"]).flatMap((target) => {
    const ofLayer = paths.filter((path) => matrices[path]?.layer === target);
    return (ofLayer.length === 0 ? [target] : ofLayer).map((path) => [path, true] as const);
  });
  const chosen = resolveByPath(paths, rules, false);
  return paths.filter((path) => chosen[path]);
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
 * arXiv:2106.09685, section 4.1). They are to the model what their weight is: role, depth and precision.
 */
export function loraSpec(params: FlatTree<LeafTraits>, config: LoraConfig): Record<string, ParamSpec> {
  const adapters = loraTargets(params, config).flatMap((path) => {
    const traits: LeafTraits = params[path] ?? { shape: [] };
    const [outputs = 0, inputs = 0] = traits.shape;
    checkRank(config.rank, path, traits.shape);
    const [down, up] = adapterNames(path);
    const role = roleOf(traits);
    const drawn = param([config.rank, inputs], uniform(1 / Math.sqrt(inputs)), role);
    const still = param([outputs, config.rank], zeros, role);
    return [
      [down, { ...traits, ...drawn }],
      [up, { ...traits, ...still }],
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

/** Products are summed over so many inner elements before they are rounded: as tfjs's cpu engine does. */
const block = 48;

/** up [rows, inner] · down [inner, columns], rounded to float32 after each block. */
function multiplied(up: HostArray, down: HostArray): Float32Array {
  const [rows = 0, inner = 0] = up.shape;
  const [, columns = 0] = down.shape;
  const result = new Float32Array(rows * columns);
  for (let start = 0; start < inner; start += block) {
    const end = Math.min(start + block, inner);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let index = start; index < end; index++) {
          const left = up.data[row * inner + index] as number;
          sum += left * (down.data[index * columns + column] as number);
        }
        const place = row * columns + column;
        result[place] = (result[place] as number) + sum;
      }
    }
  }
  return result;
}

function added(weight: HostArray, adapter: Float32Array, factor: number): HostArray {
  const scale = Math.fround(factor);
  const data = Float32Array.from(
    weight.data,
    (value, index) => value + Math.fround((adapter[index] as number) * scale),
  );
  return { data, shape: weight.shape };
}

/**
 * `mergeLora` for arrays on the host, without an engine: bit for bit what tfjs's cpu engine computes.
 * Leaves without an adapter are the given arrays themselves.
 */
export function mergeLoraArrays(
  params: HostArrays,
  adapters: HostArrays,
  { rank, alpha = rank }: Pick<LoraConfig, "rank" | "alpha">,
): HostArrays {
  const merged = Object.entries(params).map(([path, leaf]): [string, HostArray] => {
    const [down, up] = adapterNames(path).map((name) => adapters[name]);
    if (down === undefined || up === undefined) return [path, leaf];
    return [path, added(leaf, multiplied(up, down), alpha / rank)];
  });
  return Object.fromEntries(merged);
}
