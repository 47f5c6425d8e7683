import { inPieces, runYielding, createYield } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";
import {
  concat,
  dispose,
  matMul,
  mul,
  ones,
  tensor2d,
  tidy,
  type Rank,
  type Tensor,
  type Tensor2D,
} from "@tensorflow/tfjs-core";

/**
 * The two matmuls that a probe's value, slope and curvature are made of. X are the features, each row
 * ended by a 1, so that biases are one more column: [rows, width], width = dim + 1.
 */
export interface ProbeMatMuls {
  /** X · weightsᵀ: [classes, width] → [rows, classes], owned by the caller. */
  readonly logitsOf: (weights: Float64Array, classes: number) => Promise<Float64Array>;
  /** residualsᵀ · X: [rows, classes] → [classes, width], owned by the caller. */
  readonly sumsOf: (residuals: Float64Array, classes: number) => Promise<Float64Array>;
}

/** Multiplications done between two places where other work is let in: a few milliseconds. */
const pieceMultiplications = 2 ** 23;
/** Rows that are multiplied at a time, by two classes: their sums stay in registers. */
const tile = 4;

/** Four rows in float64, one after another, zeros behind the last. */
function tileOf({ values, dim }: FeatureRows, row: number): Float64Array {
  const rows = new Float64Array(tile * dim);
  rows.set(values.subarray(row * dim, (row + tile) * dim));
  return rows;
}

/** Logits [4, classes] of four rows [4, dim]; `logits` begin with theirs and may end before. */
function tileLogits(rows: Float64Array, weights: Float64Array, logits: Float64Array, classes: number): void {
  const dim = rows.length / tile;
  for (let label = 0; label < classes; label += 2) {
    const other = Math.min(label + 1, classes - 1);
    const [p, q] = [label * (dim + 1), other * (dim + 1)];
    let ap = weights[p + dim]!;
    let [bp, cp, dp] = [ap, ap, ap];
    let aq = weights[q + dim]!;
    let [bq, cq, dq] = [aq, aq, aq];
    for (let k = 0; k < dim; k++) {
      const u = weights[p + k]!;
      const v = weights[q + k]!;
      const a = rows[k]!;
      const b = rows[dim + k]!;
      const c = rows[2 * dim + k]!;
      const d = rows[3 * dim + k]!;
      ap += a * u;
      bp += b * u;
      cp += c * u;
      dp += d * u;
      aq += a * v;
      bq += b * v;
      cq += c * v;
      dq += d * v;
    }
    // Writes past the end of a typed array are dropped.
    logits[label] = ap;
    logits[classes + label] = bp;
    logits[2 * classes + label] = cp;
    logits[3 * classes + label] = dp;
    logits[other] = aq;
    logits[classes + other] = bq;
    logits[2 * classes + other] = cq;
    logits[3 * classes + other] = dq;
  }
}

/** Adds what four rows give to the sums [classes, dim + 1]; `residuals` [4, classes] may end before. */
function addTileSums(rows: Float64Array, residuals: Float64Array, sums: Float64Array, classes: number): void {
  const dim = rows.length / tile;
  const share = (place: number): number => residuals[place] ?? 0;
  for (let label = 0; label < classes; label += 2) {
    const isPair = label + 1 < classes;
    const p = label * (dim + 1);
    const q = isPair ? p + dim + 1 : p; // a last class alone is given nothing a second time
    const next = label + 1;
    const [ap, bp] = [share(label), share(classes + label)];
    const [cp, dp] = [share(2 * classes + label), share(3 * classes + label)];
    const [aq, bq] = isPair ? [share(next), share(classes + next)] : [0, 0];
    const [cq, dq] = isPair ? [share(2 * classes + next), share(3 * classes + next)] : [0, 0];
    for (let k = 0; k < dim; k++) {
      const a = rows[k]!;
      const b = rows[dim + k]!;
      const c = rows[2 * dim + k]!;
      const d = rows[3 * dim + k]!;
      sums[p + k]! += ap * a + bp * b + cp * c + dp * d;
      sums[q + k]! += aq * a + bq * b + cq * c + dq * d;
    }
    sums[p + dim]! += ap + bp + cp + dp;
    sums[q + dim]! += aq + bq + cq + dq;
  }
}

/** Does `work` for every four rows, and yields to the event loop between. */
function forTiles({ rows, dim }: FeatureRows, classes: number, work: (row: number) => void): Promise<void> {
  const tiles = Math.max(1, Math.floor(pieceMultiplications / (tile * dim * classes)));
  const piece = (start: number, end: number): void => {
    for (let index = start; index < end; index++) work(index * tile);
  };
  return runYielding(inPieces(Math.ceil(rows / tile), piece, tiles));
}

/** Matmuls in float64 on the processor. */
export function hostMatMuls(features: FeatureRows): ProbeMatMuls {
  const { rows, dim } = features;
  return {
    async logitsOf(weights, classes) {
      const logits = new Float64Array(rows * classes);
      await forTiles(features, classes, (row) => {
        tileLogits(tileOf(features, row), weights, logits.subarray(row * classes), classes);
      });
      return logits;
    },
    async sumsOf(residuals, classes) {
      const sums = new Float64Array(classes * (dim + 1));
      await forTiles(features, classes, (row) => {
        addTileSums(tileOf(features, row), residuals.subarray(row * classes), sums, classes);
      });
      return sums;
    },
  };
}

/** Matmuls of float32 on tfjs's engine. */
export interface EngineMatMuls extends ProbeMatMuls {
  /** Xᵀ · diag(weights) · X, weights [rows] not below 0: [width, width], owned by the caller. */
  readonly gramOf: (weights: Float64Array) => Promise<Float64Array>;
  readonly dispose: () => void;
}

const matrix = (values: Float64Array, rows: number): Tensor2D =>
  tensor2d(new Float32Array(values), [rows, values.length / rows]);

/** Puts the features on the engine. Dispose when done. */
export function engineMatMuls({ values, rows, dim }: FeatureRows): EngineMatMuls {
  const inputs = tidy(() => concat<Tensor2D>([tensor2d(values, [rows, dim]), ones<Rank.R2>([rows, 1])], 1));
  const yieldIfDue = createYield();
  const read = async (tensor: Tensor): Promise<Float64Array> => {
    const values = (await tensor.data()) as Float32Array;
    tensor.dispose();
    await yieldIfDue(); // engines on the processor never do while they compute
    return new Float64Array(values);
  };
  return {
    logitsOf: (weights, classes) => read(tidy(() => matMul(inputs, matrix(weights, classes), false, true))),
    sumsOf: (residuals) => read(tidy(() => matMul(matrix(residuals, rows), inputs, true, false))),
    gramOf: (weights) =>
      read(
        tidy(() => {
          const weighed = mul(inputs, matrix(weights.map(Math.sqrt), rows));
          return matMul(weighed, weighed, true, false);
        }),
      ),
    dispose: () => dispose(inputs),
  };
}
