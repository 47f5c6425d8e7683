/** Feature rows on the host: row-major [rows, dim]. */
export interface FeatureRows {
  readonly values: Float32Array;
  readonly rows: number;
  readonly dim: number;
}

function dot(a: FeatureRows, row: number, b: FeatureRows, other: number): number {
  let sum = 0;
  for (let index = 0; index < a.dim; index++) {
    sum += (a.values[row * a.dim + index] as number) * (b.values[other * a.dim + index] as number);
  }
  return sum;
}

/** Scores of one query against every candidate. */
export function scoresOf(queries: FeatureRows, row: number, candidates: FeatureRows): Float32Array {
  const scores = new Float32Array(candidates.rows);
  for (let other = 0; other < candidates.rows; other++) {
    scores[other] = dot(queries, row, candidates, other);
  }
  return scores;
}
