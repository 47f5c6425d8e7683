import { ClipError } from "@clip-ts/base";
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import type { FeatureRows } from "@clip-ts/core";

/** What the geometry of an embedding tells without any labels. */
export interface EmbeddingDiagnostics {
  /** Mean squared distance of matching pairs: 0 is best. */
  readonly alignment: number;
  /** Logarithm of the mean of exp(−2·distance²) over pairs within a side: lower spreads wider. */
  readonly imageUniformity: number;
  readonly textUniformity: number;
  /** Distance between the two sides' mean features. */
  readonly modalityGap: number;
  /** Exponential of the entropy of the singular values' shares: how many directions are in use. */
  readonly imageRank: number;
  readonly textRank: number;
}

/** Pairs looked at for uniformity at most: it is a mean, thousands of rows suffice. */
const uniformityRows = 2000;

function squaredDistance(a: FeatureRows, row: number, b: FeatureRows, other: number): number {
  let sum = 0;
  for (let index = 0; index < a.dim; index++) {
    const difference = (a.values[row * a.dim + index] as number) - (b.values[other * a.dim + index] as number);
    sum += difference * difference;
  }
  return sum;
}

/** Mean squared distance of row i of one side to row i of the other (Wang & Isola 2020, α = 2). */
export function alignment(images: FeatureRows, texts: FeatureRows): number {
  let sum = 0;
  for (let row = 0; row < images.rows; row++) sum += squaredDistance(images, row, texts, row);
  return sum / images.rows;
}

/**
 * Logarithm of the mean Gaussian potential of different rows (Wang & Isola 2020, arXiv:2005.10242,
 * t = 2), over 2,000 rows at equal distances if there are more.
 */
export function uniformity(features: FeatureRows): number {
  const rows = Math.min(features.rows, uniformityRows);
  const place = (row: number): number => Math.floor((row * features.rows) / rows);
  let sum = 0;
  for (let row = 1; row < rows; row++) {
    for (let other = 0; other < row; other++) {
      sum += Math.exp(-2 * squaredDistance(features, place(row), features, place(other)));
    }
  }
  return Math.log(sum / ((rows * (rows - 1)) / 2));
}

function meanRow({ values, rows, dim }: FeatureRows): Float64Array {
  const total = new Float64Array(dim);
  values.forEach((value, index) => {
    total[index % dim] = (total[index % dim] as number) + value / rows;
  });
  return total;
}

/** Distance between the sides' mean rows (Liang et al. 2022, arXiv:2203.02053). */
export function modalityGap(images: FeatureRows, texts: FeatureRows): number {
  const [left, right] = [meanRow(images), meanRow(texts)];
  return Math.hypot(...left.map((value, index) => value - (right[index] as number)));
}

/** The features' Gram matrix over dimensions, [dim, dim], in float64. */
function gram({ values, rows, dim }: FeatureRows): Matrix {
  const product = Matrix.zeros(dim, dim);
  for (let row = 0; row < rows; row++) {
    const vector = values.subarray(row * dim, (row + 1) * dim);
    for (let first = 0; first < dim; first++) {
      const factor = vector[first] as number;
      for (let second = 0; second <= first; second++) {
        product.set(first, second, product.get(first, second) + factor * (vector[second] as number));
      }
    }
  }
  for (let first = 0; first < dim; first++) {
    for (let second = 0; second < first; second++) product.set(second, first, product.get(first, second));
  }
  return product;
}

/** Effective rank of the features (Roy & Vetterli 2007; RankMe, Garrido et al. 2023, arXiv:2210.02885). */
export function effectiveRank(features: FeatureRows): number {
  const { realEigenvalues } = new EigenvalueDecomposition(gram(features), {
    assumeSymmetric: true,
  });
  const singular = realEigenvalues.map((value) => Math.sqrt(Math.max(0, value)));
  const total = singular.reduce((sum, value) => sum + value, 0);
  const shares = singular.map((value) => value / total).filter((share) => share > 0);
  return Math.exp(-shares.reduce((sum, share) => sum + share * Math.log(share), 0));
}

/**
 * All of them for matching unit rows: row i of the texts describes image i.
 * @throws ClipError "bad-argument" if the sides do not match or have fewer than two rows.
 */
export function diagnose(images: FeatureRows, texts: FeatureRows): EmbeddingDiagnostics {
  if (images.rows !== texts.rows || images.dim !== texts.dim || images.rows < 2) {
    throw new ClipError(
      "bad-argument",
      `Diagnostics need two or more matching rows; got images [${images.rows}, ${images.dim}] ` +
        `and texts [${texts.rows}, ${texts.dim}].`,
    );
  }
  return {
    alignment: alignment(images, texts),
    imageUniformity: uniformity(images),
    textUniformity: uniformity(texts),
    modalityGap: modalityGap(images, texts),
    imageRank: effectiveRank(images),
    textRank: effectiveRank(texts),
  };
}
