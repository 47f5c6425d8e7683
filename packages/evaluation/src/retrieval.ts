import { ClipError } from "@clip-ts/base";
import { scoresOf, type FeatureRows } from "@clip-ts/core";

/** Quality of one direction of retrieval. */
export interface RetrievalScores {
  /** Share of queries with a right answer among the first 1, 5 and 10. */
  readonly recallAt1: number;
  readonly recallAt5: number;
  readonly recallAt10: number;
  /** Rank of the best right answer, 1 is best. */
  readonly meanRank: number;
  readonly medianRank: number;
  readonly queries: number;
  readonly candidates: number;
}

/** Retrieval both ways. */
export interface RetrievalReport {
  readonly imageToText: RetrievalScores;
  readonly textToImage: RetrievalScores;
}

/**
 * Rank of the best right answer. Wrong candidates with the same score count half, so a model that
 * gives every candidate one score ranks in the middle, not first.
 */
function rankOfBest(scores: Float32Array, isRight: (candidate: number) => boolean): number {
  let best = Number.NEGATIVE_INFINITY;
  scores.forEach((score, candidate) => {
    if (isRight(candidate) && score > best) best = score;
  });
  let [higher, equal] = [0, 0];
  scores.forEach((score, candidate) => {
    if (isRight(candidate)) return;
    if (!(score <= best)) higher++; // NaN too: a broken model must not look perfect
    else if (score === best) equal++;
  });
  return 1 + higher + equal / 2;
}

function summarize(ranks: readonly number[], candidates: number): RetrievalScores {
  const sorted = ranks.toSorted((a, b) => a - b);
  const within = (k: number): number => ranks.filter((rank) => rank <= k).length / ranks.length;
  const middle = sorted.length / 2;
  const lower = sorted[Math.ceil(middle) - 1] as number;
  const upper = sorted[Math.floor(middle)] as number;
  return {
    recallAt1: within(1),
    recallAt5: within(5),
    recallAt10: within(10),
    meanRank: ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length,
    medianRank: (lower + upper) / 2,
    queries: ranks.length,
    candidates,
  };
}

function scoresOfDirection(
  queries: FeatureRows,
  candidates: FeatureRows,
  isRight: (query: number, candidate: number) => boolean,
): RetrievalScores {
  const ranks = Array.from({ length: queries.rows }, (_, query) =>
    rankOfBest(scoresOf(queries, query, candidates), (other) => isRight(query, other)),
  );
  return summarize(ranks, candidates.rows);
}

/** Every text must belong to an image and every image have a text. */
function assertLinked(images: number, imageOfText: ArrayLike<number>): void {
  const linked = new Set(Array.from(imageOfText));
  const missing = Array.from({ length: images }, (_, image) => image).find((image) => !linked.has(image));
  if (missing === undefined && linked.size === images) return;
  throw new ClipError(
    "bad-argument",
    missing === undefined
      ? `A text is linked to an image that does not exist: rows are 0 to ${images - 1}.`
      : `Image ${missing} has no text: retrieval needs at least one for each image.`,
  );
}

/**
 * Recall and ranks of image-to-text and text-to-image retrieval by cosine.
 * images [images, dim] and texts [texts, dim] are unit rows; `imageOfText[t]` is the row of the image
 * that text t describes; an image may have several texts.
 * @throws ClipError "bad-argument" if the rows do not fit or an image has no text.
 */
export function evaluateRetrieval(
  images: FeatureRows,
  texts: FeatureRows,
  imageOfText: ArrayLike<number>,
): RetrievalReport {
  if (images.dim !== texts.dim || imageOfText.length !== texts.rows || images.rows === 0) {
    throw new ClipError(
      "bad-argument",
      `Retrieval needs features of one length and the image of every text; got ${images.rows} images ` +
        `of ${images.dim}, ${texts.rows} texts of ${texts.dim} and ${imageOfText.length} links.`,
    );
  }
  assertLinked(images.rows, imageOfText);
  return {
    imageToText: scoresOfDirection(images, texts, (image, text) => imageOfText[text] === image),
    textToImage: scoresOfDirection(texts, images, (text, image) => imageOfText[text] === image),
  };
}

/** Probability that none of `right` good answers is among the first `first` of a random order. */
function missing(right: number, first: number, candidates: number): number {
  let probability = 1;
  for (let index = 0; index < first && probability > 0; index++) {
    probability *= Math.max(0, candidates - right - index) / (candidates - index);
  }
  return probability;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Expected scores of a random order; `rights[q]` good answers for query q. */
function chanceOfDirection(rights: readonly number[], candidates: number): RetrievalScores {
  const groups = new Map<number, number>();
  for (const right of rights) groups.set(right, (groups.get(right) ?? 0) + 1);
  const recallAt = (first: number): number => {
    const missed = [...groups].reduce(
      (sum, [right, count]) => sum + count * missing(right, Math.min(first, candidates), candidates),
      0,
    );
    return 1 - missed / rights.length;
  };
  let [low, high] = [1, candidates];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (recallAt(middle) >= 0.5) high = middle;
    else low = middle + 1;
  }
  return {
    recallAt1: recallAt(1),
    recallAt5: recallAt(5),
    recallAt10: recallAt(10),
    meanRank: mean(rights.map((right) => (candidates + 1) / (right + 1))), // least of `right` draws
    medianRank: low,
    queries: rights.length,
    candidates,
  };
}

/**
 * What `evaluateRetrieval` would find on average if the candidates came in random order.
 * `imageOfText[t]` is the image of text t. The median is the rank that half of the queries reach.
 */
export function retrievalByChance(images: number, imageOfText: ArrayLike<number>): RetrievalReport {
  const texts = Array.from(imageOfText);
  const textsOf = Array.from({ length: images }, () => 0);
  for (const image of texts) textsOf[image] = (textsOf[image] ?? 0) + 1;
  return {
    imageToText: chanceOfDirection(textsOf, texts.length),
    textToImage: chanceOfDirection(
      texts.map(() => 1),
      images,
    ),
  };
}
