import { ClipError } from "@clip-ts/base";
import {
  byteLengthOf,
  dtypeBytes,
  gatherStrided,
  rowMajorStrides,
  type HostTensor,
  type RowRange,
  type TensorFile,
  type TensorInfo,
} from "../tensor-file.ts";
import type { Layout } from "./layout.ts";
import { rewrite, type NameRule, type Step } from "./name-rule.ts";

/** Scale and bias of the logits. */
const singleNumbers: ReadonlySet<string> = new Set(["logit_scale", "logit_bias"]);

/** SigLIP's text tower, whose own files keep the numbers in lists of one. */
const siglipHead = "text_model.head.weight";

/**
 * A view of a file in which scale and bias of the logits have the shape that its layout gives single numbers:
 * [1] in SigLIP under clip-ts's own names, else []. Files have either (open_clip's `nonscalar_logit_scale`),
 * whatever the model; nothing but the shape changes.
 */
export function withSingleNumbers(file: TensorFile, layout: Layout): TensorFile {
  const shape = layout === "huggingface" && file.names.includes(siglipHead) ? [1] : [];
  const shaped = <Info extends TensorInfo>(name: string, info: Info): Info => {
    const isOne = info.shape.length <= 1 && (info.shape[0] ?? 1) === 1;
    return singleNumbers.has(name) && isOne ? { ...info, shape } : info;
  };
  const isThere = file.names.some((name) => singleNumbers.has(name));
  if (!isThere) return file;
  return {
    ...file,
    describe: (name) => shaped(name, file.describe(name)),
    read: async (name, rows) => (rows === undefined ? shaped(name, await file.read(name)) : file.read(name, rows)),
  };
}

/** The values of `bytes` in the step's order; the same bytes where it keeps the order. */
function reorder(bytes: Uint8Array, { view, axes, shape }: Step, size: number): Uint8Array {
  if (axes === undefined) return bytes;
  const from = rowMajorStrides(view);
  return gatherStrided(bytes, { shape, strides: axes.map((axis) => from[axis] ?? 0), size });
}

/** The converted tensor from its sources, which come in the conversion's order. Works on bytes of any dtype. */
export function assemble(conversion: ConvertedTensor, sources: readonly HostTensor[]): HostTensor {
  const { dtype, shape, pieces } = conversion;
  const size = dtypeBytes(dtype);
  const parts = pieces.map(({ step }, index) => reorder(sources[index]?.bytes ?? new Uint8Array(), step, size));
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return { dtype, shape, bytes: only };
  const bytes = new Uint8Array(byteLengthOf(conversion));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.byteLength;
  }
  return { dtype, shape, bytes };
}

/** One source of a tensor, or some of its rows, and how its values move. */
export interface Piece {
  readonly name: string;
  readonly rows?: RowRange;
  readonly step: Step;
}

/** How to make one tensor: its pieces, stacked along the first axis. */
export interface ConvertedTensor extends TensorInfo {
  readonly pieces: readonly Piece[];
}

/** Converted tensors by target name. */
export type Conversion = ReadonlyMap<string, ConvertedTensor>;

/** To clip-ts's own names, or from them. */
export type Direction = "toCanonical" | "fromCanonical";

type Described = (name: string) => TensorInfo;

/** A rule with the placeholders of one of its names filled in. */
interface Match {
  readonly rule: NameRule;
  readonly name: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
}

function badTensor(name: string, message: string): ClipError {
  return new ClipError("bad-weights", `${name}: ${message}`, { data: { name } });
}

function matchRule(name: string, rules: readonly NameRule[], direction: Direction): Match | undefined {
  for (const rule of rules) {
    const isForward = direction === "toCanonical";
    const [from, to] = isForward ? [rule.other, rule.canonical] : [rule.canonical, rule.other];
    for (const pattern of from) {
      if (rewrite(name, pattern, "") === undefined) continue;
      const fill = (other: string): string => rewrite(name, pattern, other) ?? "";
      return { rule, name, from: from.map(fill), to: to.map(fill) };
    }
  }
  return undefined;
}

function stepOf(match: Match, shape: readonly number[], direction: Direction): Step {
  const step = match.rule.change[direction]?.(shape);
  if (step !== undefined) return step;
  throw badTensor(match.name, `a shape of [${shape.join(", ")}] cannot be converted.`);
}

/** One tensor becomes one, or parts of its rows. */
function split(match: Match, describe: Described, direction: Direction): [string, ConvertedTensor][] {
  const { name, to, rule } = match;
  const { dtype, shape } = describe(name);
  if (to.length === 1) {
    const step = stepOf(match, shape, direction);
    return [[to[0] ?? "", { dtype, shape: step.shape, pieces: [{ name, step }] }]];
  }
  const shares = rule.shares ?? to.map(() => 1);
  const [rows = 0, ...row] = shape;
  const unit = rows / shares.reduce((sum, share) => sum + share, 0);
  if (!Number.isInteger(unit)) {
    throw badTensor(name, `expected ${to.length} parts of rows, found [${shape.join(", ")}].`);
  }
  let start = 0;
  return to.map((part, index) => {
    const count = unit * (shares[index] ?? 1);
    const step = stepOf(match, [count, ...row], direction);
    const piece = { name, rows: [start, start + count] as const, step };
    start += count;
    return [part, { dtype, shape: step.shape, pieces: [piece] }];
  });
}

/** Rows of the parts that are stacked, as many each as the rule says. */
function sharesOf(match: Match): readonly number[] {
  return match.rule.shares ?? match.from.map(() => 1);
}

/** Parts that are stacked must have one dtype, like rows, and their share of them. */
function checkAlike(match: Match, pieces: readonly Piece[], describe: Described): void {
  const [first = ""] = match.from;
  const [rows = 0, ...row] = pieces[0]?.step.shape ?? [];
  const [unit = 1, ...others] = sharesOf(match);
  for (const [index, { name, step }] of pieces.slice(1).entries()) {
    const expected = [(rows / unit) * (others[index] ?? 1), ...row];
    const isAlike = describe(name).dtype === describe(first).dtype;
    if (isAlike && step.shape.join() === expected.join()) continue;
    throw badTensor(name, `must have the dtype and shape of ${first} to be stacked with it.`);
  }
}

/** Several tensors, which must all be there and alike, become one. */
function merge(match: Match, describe: Described, direction: Direction): [string, ConvertedTensor] {
  const pieces = match.from.map((name): Piece => {
    return { name, step: stepOf(match, describe(name).shape, direction) };
  });
  checkAlike(match, pieces, describe);
  const row = pieces[0]?.step.shape.slice(1) ?? [];
  const rows = pieces.reduce((sum, { step }) => sum + (step.shape[0] ?? 0), 0);
  const { dtype } = describe(match.name);
  return [match.to[0] ?? "", { dtype, shape: [rows, ...row], pieces }];
}

function checkComplete(match: Match, names: ReadonlySet<string>): void {
  const missing = match.from.find((part) => !names.has(part));
  if (missing !== undefined) throw badTensor(missing, `missing, but ${match.name} is there.`);
}

/** What a conversion is made for. */
export interface ConversionOptions {
  readonly describe: Described;
  readonly direction: Direction;
  /** The error for a tensor that no rule knows. */
  readonly unknown: (name: string) => ClipError;
}

/**
 * How to make every tensor of the other layout from tensors of these names.
 * @throws what `unknown` makes, or ClipError "bad-weights" for a tensor that its rule cannot change.
 */
export function conversionOf(
  names: readonly string[],
  rules: readonly NameRule[],
  { describe, direction, unknown }: ConversionOptions,
): Conversion {
  const known = new Set(names);
  const conversions = new Map<string, ConvertedTensor>();
  for (const name of names) {
    const match = matchRule(name, rules, direction);
    if (match === undefined) throw unknown(name);
    if (match.to.every((target) => conversions.has(target))) continue; // stacked with an earlier one
    checkComplete(match, known);
    const made = match.from.length === 1 ? split(match, describe, direction) : [merge(match, describe, direction)];
    for (const [target, conversion] of made) conversions.set(target, conversion);
  }
  return conversions;
}
