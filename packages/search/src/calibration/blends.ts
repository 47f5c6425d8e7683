import { randomStream } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";

/**
 * Captions of what is not there, made of generic ones: all captions' mean, and the sum of how two of them differ from it
 * by √2. Their mean and covariance are those of the captions, so they lean to where this model's texts lie, and spread,
 * as its captions do; but a picture that fits one of the two fits the blend less.
 */
export interface Blends {
  /** [blends · 2] captions by number. */
  readonly members: Int32Array;
  /** [blends] product of the mean and the difference. */
  readonly products: Float64Array;
  /** [blends] square of the difference's length. */
  readonly squares: Float64Array;
  /** Square of the mean's length. */
  readonly meanSquare: number;
}

/** Blends of an index's background. */
export const blendCount = 1500;

/**
 * How much of the captions' mean is in a query, for each of which the blends are measured: the sum of its weights by the
 * root of the sum of their squares. 1 for one text, √2 for "A + B", 0 for "A - B".
 */
export const leans = [-0.5, 0, 0.5, 1, 1.5, 2] as const;

/** The mean row. [dim] */
function meanOf({ values, rows, dim }: FeatureRows): Float64Array {
  const mean = new Float64Array(dim);
  values.forEach((value, at) => (mean[at % dim] = (mean[at % dim] as number) + value / rows));
  return mean;
}

/** Draws blends of these captions, the same ones every time. */
export function drawBlends(captions: FeatureRows): Blends {
  const { values, rows, dim } = captions;
  const mean = meanOf(captions);
  const { integer } = randomStream(0, "blends");
  const members = new Int32Array(blendCount * 2);
  const products = new Float64Array(blendCount);
  const squares = new Float64Array(blendCount);
  for (let blend = 0; blend < blendCount; blend++) {
    const one = integer(rows);
    const other = (one + 1 + integer(rows - 1)) % rows;
    members.set([one, other], blend * 2);
    let [product, square] = [0, 0];
    for (let k = 0; k < dim; k++) {
      const centre = mean[k] as number;
      const sum = (values[one * dim + k] as number) + (values[other * dim + k] as number);
      const difference = (sum - 2 * centre) * Math.SQRT1_2;
      product += centre * difference;
      square += difference * difference;
    }
    products[blend] = product;
    squares[blend] = square;
  }
  return { members, products, squares, meanSquare: mean.reduce((sum, value) => sum + value * value, 0) };
}

/** The mean of some cosines with the captions. */
export function meanCosine(cosines: Float32Array): number {
  return cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length;
}

/** Product of a blend's difference with what has these cosines with the captions, `mean` on average. */
export function differenceProduct(
  { members }: Blends,
  blend: number,
  { cosines, mean }: { readonly cosines: Float32Array; readonly mean: number },
): number {
  const one = cosines[members[2 * blend] as number] as number;
  const other = cosines[members[2 * blend + 1] as number] as number;
  return (one + other - 2 * mean) * Math.SQRT1_2;
}

/** [blends] lengths of the blends with so much of the mean in them. */
export function blendLengths({ products, squares, meanSquare }: Blends, lean: number): Float64Array {
  return squares.map((square, blend) => {
    const whole = square + 2 * lean * (products[blend] as number) + lean * lean * meanSquare;
    return Math.sqrt(Math.max(whole, 1e-9));
  });
}
