import { ClipError } from "@clip-ts/base";
import { scoresOf, type FeatureRows } from "@clip-ts/core";

/** Accuracy on one class. */
export interface ClassScore {
  readonly images: number;
  /** Share of the class's images that are recognised. */
  readonly top1: number;
}

/** Quality of zero-shot classification. */
export interface ZeroShotScores {
  /** Share of images whose class scores highest. */
  readonly top1: number;
  /** Share of images whose class is among the five that score highest. */
  readonly top5: number;
  /** Mean over the classes that have images of their top-1 accuracy. */
  readonly meanPerClass: number;
  /** In the order of the classes. */
  readonly perClass: readonly ClassScore[];
  /** What guessing would reach. */
  readonly chance: { readonly top1: number; readonly top5: number; readonly meanPerClass: number };
}

/** How many classes score as high as the right one, itself left out; NaN counts against the model. */
function rivals(scores: Float32Array, right: number): number {
  const best = scores[right] as number;
  return scores.reduce((count, score, other) => (other !== right && !(score < best) ? count + 1 : count), 0);
}

function share(values: readonly boolean[]): number {
  return values.filter(Boolean).length / values.length;
}

function checkLinks(images: FeatureRows, classes: FeatureRows, links: ArrayLike<number>): void {
  const areClasses = Array.from(links).every((link) => link >= 0 && link < classes.rows);
  if (images.dim === classes.dim && links.length === images.rows && links.length > 0 && areClasses) return;
  throw new ClipError(
    "bad-argument",
    `Zero-shot scores need the class of every image and features of one length; got ${images.rows} images ` +
      `of ${images.dim}, ${classes.rows} classes of ${classes.dim} and ${links.length} links.`,
  );
}

/**
 * Accuracy of taking the class with the highest cosine. images [images, dim] and classes
 * [classes, dim] are unit rows; `classOfImage[i]` is the row of image i's class. A class that scores
 * the same as the right one counts as higher.
 * @throws ClipError "bad-argument" if the rows do not fit.
 */
export function evaluateZeroShot(
  images: FeatureRows,
  classes: FeatureRows,
  classOfImage: ArrayLike<number>,
): ZeroShotScores {
  checkLinks(images, classes, classOfImage);
  const ranks = Array.from(classOfImage, (right, image) => rivals(scoresOf(images, image, classes), right));
  const perClass = Array.from({ length: classes.rows }, (_, row): ClassScore => {
    const own = ranks.filter((_rank, image) => classOfImage[image] === row);
    return { images: own.length, top1: own.length === 0 ? 0 : share(own.map((rank) => rank < 1)) };
  });
  const seen = perClass.filter((score) => score.images > 0);
  return {
    top1: share(ranks.map((rank) => rank < 1)),
    top5: share(ranks.map((rank) => rank < 5)),
    meanPerClass: seen.reduce((sum, score) => sum + score.top1, 0) / seen.length,
    perClass,
    chance: {
      top1: 1 / classes.rows,
      top5: Math.min(1, 5 / classes.rows),
      meanPerClass: 1 / classes.rows,
    },
  };
}

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
  const isClass = (label: number): boolean => Number.isSafeInteger(label) && label >= 0 && label < classes;
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
