import { assertShape, axisLength, withGradient } from "@clip-ts/core";
import {
  add,
  argMax,
  cast,
  concat,
  equal,
  matMul,
  mean,
  mul,
  range,
  reshape,
  sub,
  sum,
  tidy,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { rowsOf, withTensors, type RowChunk } from "../pairwise.ts";
import { blockOf, bySide, ownChunks, type LocalPairs, type LogitBlock, type Side } from "./local-pairs.ts";

/** Numbers of rows by name, [rows] each. */
export type RowSums = Readonly<Record<string, Tensor>>;

/**
 * A loss of all pairs, told so that each rank compares no more than its own rows with those of all: what its rows
 * sum up to, then, once the sums of all ranks are known, its value and its slope by the rank's logits.
 */
export interface LocalLoss {
  /** Sides whose rows have sums. */
  readonly sides: readonly Side[];
  /** What all ranks need to know of each row of a block, [rows] each; names tell the sides apart. */
  rowSums(block: LogitBlock): RowSums;
  /** The loss by the sums of all rows, [all] each. */
  value(sums: RowSums): Scalar;
  /** Its derivative by the logits of a block, short of `matching`, by the sums of all rows. → [rows, all]. */
  slope(block: LogitBlock, sums: RowSums): Tensor;
  /** Taken from the derivative by the logit of each pair that matches, if there are so many pairs. */
  matching(pairs: number): number;
}

/** One of several losses that are added up. */
export interface LocalTerm {
  readonly loss: LocalLoss;
  /** The factor on it; 1 by default. */
  readonly weight?: number | undefined;
}

/** Sums of a term are gathered under names of its own. */
const prefixOf = (term: number): string => `term${term}.`;

/** Those that belong to a term, by its own names. */
function sumsOf(sums: RowSums, term: number): RowSums {
  const prefix = prefixOf(term);
  const own = Object.entries(sums).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, x]) => [name.slice(prefix.length), x]));
}

/** Whether each image's own caption scores highest. → [rows], 1 or 0. */
const hitsOf = ({ logits, rows: { start, end } }: LogitBlock): Tensor =>
  cast(equal(argMax(logits, 1), range(start, end, 1, "int32")), "float32");

/** What all terms say of a block's rows. */
function blockSums(block: LogitBlock, terms: readonly LocalTerm[]): RowSums {
  const told = terms.flatMap(({ loss }, term) => {
    if (!loss.sides.includes(block.side)) return [];
    return Object.entries(loss.rowSums(block)).map(([name, x]) => [`${prefixOf(term)}${name}`, x] as const);
  });
  return Object.fromEntries(block.side === "image" ? [...told, ["hits", hitsOf(block)]] : told);
}

/** Rows of one chunk after those of the other. */
const joinChunks = (parts: readonly Tensor[]): Tensor =>
  parts.length === 1 ? (parts[0] as Tensor) : concat([...parts], 0);

/**
 * The first of two phases: what this rank's rows tell of all pairs, [own] each by name. Gathered, one rank's after
 * the other's, they are the `sums` of `localLoss` and `localAccuracy`. Has no gradient; the caller owns what it gives.
 * @throws ClipError "bad-shape" or "bad-argument" if own rows, all rows, rank and size do not fit each other.
 */
export function localSums(pairs: LocalPairs, terms: readonly LocalTerm[]): RowSums {
  const chunks = ownChunks(pairs);
  return tidy(() => {
    const told = (["image", "text"] as const).flatMap((side) => {
      if (side === "text" && terms.every(({ loss }) => !loss.sides.includes(side))) return [];
      const parts = chunks.map((chunk) => tidy(() => ({ ...blockSums(blockOf(pairs, side, chunk), terms) })));
      return Object.keys(parts[0] ?? {}).map(
        (name) => [name, joinChunks(parts.map((part) => part[name] as Tensor))] as const,
      );
    });
    return Object.fromEntries(told);
  });
}

/** Share of all images whose own caption scores highest, by the sums of all rows. → scalar in [0, 1]. */
export const localAccuracy = (sums: RowSums): Scalar => mean(sums["hits"] as Tensor);

/** What a loss is, and this rank's share of its gradient. */
export interface LocalSlopes {
  /** Of all pairs: the same on every rank. */
  readonly loss: Scalar;
  /** [own, joint]: the whole gradient by this rank's image features. */
  readonly imageFeatures: Tensor;
  /** [own, joint]: the whole gradient by this rank's text features. */
  readonly textFeatures: Tensor;
  /** One number: this rank's share of the gradient by the scale; those of all ranks add up to it. */
  readonly scale: Tensor;
  /** One number: this rank's share of the gradient by the bias. */
  readonly bias: Tensor;
}

/** The weighted sum of what each term gives. */
const weighted = <Value extends Tensor>(
  terms: readonly LocalTerm[],
  valueOf: (loss: LocalLoss, term: number) => Value,
): Value =>
  terms
    .map(({ loss, weight = 1 }, term) => (weight === 1 ? valueOf(loss, term) : mul<Value>(valueOf(loss, term), weight)))
    .reduce((total, value) => add<Value>(total, value));

/** How the loss of all terms is differentiated. */
interface Backward {
  readonly pairs: LocalPairs;
  readonly terms: readonly LocalTerm[];
  /** Of all rows. */
  readonly sums: RowSums;
  /** Taken from the derivative by the logit of each pair that matches. */
  readonly matching: number;
}

/** By the features of a chunk short of the scale, and by cosine · scale and bias, summed. */
function chunkSlopes({ pairs, terms, sums, matching }: Backward, side: Side, chunk: RowChunk): Tensor[] {
  const block = blockOf(pairs, side, chunk);
  const slopes = weighted(terms, (loss, term) => loss.slope(block, sumsOf(sums, term)));
  const [mine, partners] = bySide(pairs.own, side).map((x) => rowsOf(x, chunk)) as [Tensor, Tensor];
  const [, others] = bySide(pairs.all, side) as [Tensor, Tensor];
  const pulled = sub(matMul(slopes, others), mul(partners, matching));
  if (side === "text") return [pulled];
  // Row by row first: float32 that is added in one go loses more.
  return [pulled, sum(sum(mul(pulled, mine), 1)), sum(sub(sum(slopes, 1), matching))];
}

function checkSums(sums: RowSums, all: number): void {
  for (const [name, x] of Object.entries(sums)) assertShape(x, [all], `the sums "${name}" of all ranks`);
}

/**
 * The second phase without a tape: the loss of all pairs by the gathered sums, and what of its gradient is this
 * rank's. Logits are computed once more, [own, all] both ways. The caller owns what it gives.
 * @throws ClipError "bad-shape" or "bad-argument" if rows, sums, rank and size do not fit each other.
 */
export function localSlopes(pairs: LocalPairs, terms: readonly LocalTerm[], sums: RowSums): LocalSlopes {
  const chunks = ownChunks(pairs);
  const all = axisLength(pairs.all.imageFeatures, 0);
  checkSums(sums, all);
  return tidy(() => {
    const matching = terms.reduce((total, { loss, weight = 1 }) => total + weight * loss.matching(all), 0);
    const over = (side: Side): Tensor[][] =>
      chunks.map((chunk) => tidy(() => chunkSlopes({ pairs, terms, sums, matching }, side, chunk)));
    const [images, texts] = [over("image"), over("text")];
    const total = (at: number): Tensor => images.map((parts) => parts[at] as Tensor).reduce((a, b) => add(a, b));
    const rows = (parts: readonly Tensor[][]): Tensor =>
      mul(joinChunks(parts.map(([pulled]) => pulled as Tensor)), pairs.scale);
    return {
      loss: weighted(terms, (loss, term) => loss.value(sumsOf(sums, term))),
      imageFeatures: rows(images),
      textFeatures: rows(texts),
      scale: total(1),
      bias: total(2),
    };
  });
}

/**
 * The second phase under a tape: the loss of all pairs, the same on every rank. Its gradient by `pairs.own` is whole,
 * by scale and bias this rank's share, which those of the other ranks are to be added to; `pairs.all` gets none.
 * @throws ClipError "bad-shape" or "bad-argument" if rows, sums, rank and size do not fit each other.
 */
export function localLoss(pairs: LocalPairs, terms: readonly LocalTerm[], sums: RowSums): Scalar {
  const { own, scale, bias = 0 } = pairs;
  return withTensors({ scale, bias }, (tensors) => {
    const learnt = [own.imageFeatures, own.textFeatures, tensors.scale, tensors.bias];
    const value = withGradient({
      inputs: learnt,
      forward(save) {
        const { loss, ...slopes } = localSlopes({ ...pairs, ...tensors }, terms, sums);
        const all = [slopes.imageFeatures, slopes.textFeatures, slopes.scale, slopes.bias];
        save(...all.map((slope, at) => reshape(slope, (learnt[at] as Tensor).shape)));
        return loss;
      },
      backward: (dy, slopes) => slopes.map((slope) => mul(slope, dy)),
    });
    return value as Scalar;
  });
}
