/** Each row's share of every class, and how the classes share it. */
interface ClassShares {
  /** [rows, classes] */
  readonly probabilities: Float64Array;
  readonly classes: number;
}

/** Logits become probabilities, in place; the row's cross-entropy comes back. */
function softmaxRow(logits: Float64Array, start: number, end: number, own: number): number {
  let top = start;
  for (let place = start; place < end; place++) if (logits[place]! > logits[top]!) top = place;
  const [highest, right] = [logits[top]!, logits[own]!];
  let others = 0;
  for (let place = start; place < end; place++) {
    logits[place] = place === top ? 1 : Math.exp(logits[place]! - highest);
    if (place !== top) others += logits[place]!;
  }
  for (let place = start; place < end; place++) logits[place]! /= 1 + others;
  return highest - right + Math.log1p(others);
}

/** Logits [rows, classes] become probabilities, in place; the sum of cross-entropies comes back. */
export function softmaxRows(logits: Float64Array, labels: Int32Array, classes: number): number {
  let entropy = 0;
  labels.forEach((label, row) => {
    const start = row * classes;
    entropy += softmaxRow(logits, start, start + classes, start + label);
  });
  return entropy;
}

/**
 * Turns each row's change of logits into the change of its probabilities, in place. Differences to the likeliest
 * class keep the digits that are left of a curvature near nothing.
 */
export function changeOfProbabilities(
  changes: Float64Array,
  { probabilities, classes }: ClassShares,
): void {
  for (let start = 0; start < changes.length; start += classes) {
    let top = start;
    for (let place = start; place < start + classes; place++) {
      if (probabilities[place]! > probabilities[top]!) top = place;
    }
    const most = changes[top]!;
    let mean = 0;
    for (let place = start; place < start + classes; place++) {
      changes[place]! -= most;
      mean += probabilities[place]! * changes[place]!;
    }
    let rest = 0;
    for (let place = start; place < start + classes; place++) {
      if (place === top) continue;
      changes[place] = probabilities[place]! * (changes[place]! - mean);
      rest += changes[place]!;
    }
    changes[top] = -rest;
  }
}

/** Mean over the classes of each row's p (1 - p), over the rows: what weighs a row in the mean block. */
export function rowWeights({ probabilities, classes }: ClassShares): Float64Array {
  const rows = probabilities.length / classes;
  const weights = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let place = row * classes; place < (row + 1) * classes; place++) {
      sum += probabilities[place]! * (1 - probabilities[place]!);
    }
    weights[row] = sum / classes / rows;
  }
  return weights;
}
