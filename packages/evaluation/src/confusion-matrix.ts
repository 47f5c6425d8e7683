import { ClipError } from "@clip-ts/base";

/** Share of the places where two lists of classes agree. */
export function shareRight(predicted: ArrayLike<number>, right: ArrayLike<number>): number {
  const hits = Array.from(right).filter((label, row) => predicted[row] === label).length;
  return hits / right.length;
}

/** Counts of true and predicted classes. */
export interface ConfusionMatrix {
  readonly classes: number;
  /** Row-major [true class, predicted class]. */
  readonly counts: Uint32Array;
}

/** How often each class was taken for each. @throws ClipError "bad-argument" if the lists do not fit. */
export function confusionMatrix(
  predicted: ArrayLike<number>,
  right: ArrayLike<number>,
  classes: number,
): ConfusionMatrix {
  const isClass = (label: number): boolean =>
    Number.isSafeInteger(label) && label >= 0 && label < classes;
  const all = [...Array.from(predicted), ...Array.from(right)];
  if (predicted.length !== right.length || !all.every(isClass)) {
    throw new ClipError(
      "bad-argument",
      `A confusion matrix needs two lists of one length of classes below ${classes}; ` +
        `got ${predicted.length} and ${right.length} entries.`,
    );
  }
  const counts = new Uint32Array(classes * classes);
  Array.from(right).forEach((label, row) => {
    const place = label * classes + (predicted[row] as number);
    counts[place] = (counts[place] as number) + 1;
  });
  return { classes, counts };
}

/** Two classes that are mixed up. */
export interface Confusion {
  readonly right: number;
  readonly predicted: number;
  readonly count: number;
}

/** The mistakes made most often, most frequent first. */
export function worstConfusions({ classes, counts }: ConfusionMatrix, limit: number): Confusion[] {
  const mistakes = Array.from(counts, (count, place) => ({
    right: Math.floor(place / classes),
    predicted: place % classes,
    count,
  })).filter(({ right, predicted, count }) => right !== predicted && count > 0);
  return mistakes.toSorted((a, b) => b.count - a.count).slice(0, limit);
}
