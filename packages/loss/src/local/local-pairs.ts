import { ClipError } from "@clip-ts/base";
import { assertShape, axisLength } from "@clip-ts/core";
import { add, matMul, mul, sum, type Tensor } from "@tensorflow/tfjs-core";
import { rowChunks, rowsOf, type OneNumber, type PairFeatures, type RowChunk } from "../pairwise.ts";

/** What one of several ranks compares: its own pairs with those of all ranks. */
export interface LocalPairs {
  /** [own, joint] each: the rows of this rank, the only ones that get a gradient. */
  readonly own: PairFeatures;
  /** [size · own, joint] each: those of all ranks, one rank's after the other's. */
  readonly all: PairFeatures;
  /** This rank's place, from 0. */
  readonly rank: number;
  /** How many ranks there are. */
  readonly size: number;
  /** The factor on the cosines; a plain number where it is not learnt. */
  readonly scale: OneNumber;
  /** One number added to every logit, if there is one. */
  readonly bias?: OneNumber | undefined;
  /** Own rows that are compared with all others at a time; by default as many as 64 MiB hold. */
  readonly chunk?: number | undefined;
}

/** Images or captions. */
export type Side = "image" | "text";

/** Some of a rank's rows of one side, compared with every row of the other side. */
export interface LogitBlock {
  readonly side: Side;
  /** Which they are among the rows of all ranks. */
  readonly rows: RowChunk;
  /** [rows, all]. */
  readonly logits: Tensor;
  /** [rows]: the logit of each row with its own partner. */
  readonly matching: Tensor;
}

/** The features of a side, then of the other. */
export const bySide = ({ imageFeatures, textFeatures }: PairFeatures, side: Side): Tensor[] =>
  side === "image" ? [imageFeatures, textFeatures] : [textFeatures, imageFeatures];

/**
 * How many pairs are this rank's.
 * @throws ClipError "bad-shape" or "bad-argument" if own rows, all rows, rank and size do not fit each other.
 */
function ownCount({ own, all, rank, size }: LocalPairs): number {
  if (!Number.isInteger(size) || !Number.isInteger(rank) || rank < 0 || rank >= size) {
    throw new ClipError("bad-argument", `rank: expected a whole number from 0 and below size, got ${rank} of ${size}.`);
  }
  assertShape(own.imageFeatures, ["pairs", "joint"], "image features of this rank");
  assertShape(own.textFeatures, own.imageFeatures.shape, "text features of the same pairs");
  const [count, joint] = [axisLength(own.imageFeatures, 0), axisLength(own.imageFeatures, 1)];
  assertShape(all.imageFeatures, [size * count, joint], `image features of ${size} ranks with ${count} pairs each`);
  assertShape(all.textFeatures, all.imageFeatures.shape, "text features of the same pairs");
  return count;
}

/** This rank's rows in chunks, counted from its first. */
export function ownChunks(pairs: LocalPairs): RowChunk[] {
  const own = ownCount(pairs);
  return rowChunks(own, pairs.chunk, own * pairs.size);
}

/** What turns cosines into logits. */
type Factors = Pick<LocalPairs, "scale" | "bias">;

/**
 * Logits of some rows of a side with all of the other. Images alone are scaled, on either side, so that both ranks
 * that see a pair give it the same logit, rounded or not. → [rows, all].
 */
export function logitsOf({ scale, bias }: Factors, side: Side, [own, all]: readonly [Tensor, Tensor]): Tensor {
  const [rows, others] = side === "image" ? [mul(own, scale), all] : [own, mul(all, scale)];
  const logits = matMul(rows, others, false, true);
  return bias === undefined ? logits : add(logits, bias);
}

/** Compares a chunk of this rank's rows of one side. */
export function blockOf(pairs: LocalPairs, side: Side, chunk: RowChunk): LogitBlock {
  const { own, all, rank, scale, bias } = pairs;
  const [mine, partners] = bySide(own, side).map((x) => rowsOf(x, chunk)) as [Tensor, Tensor];
  const [, others] = bySide(all, side) as [Tensor, Tensor];
  const first = rank * axisLength(own.imageFeatures, 0);
  const cosines = mul(sum(mul(mine, partners), 1), scale);
  return {
    side,
    rows: { start: first + chunk.start, end: first + chunk.end },
    logits: logitsOf(pairs, side, [mine, others]),
    matching: bias === undefined ? cosines : add(cosines, bias),
  };
}
