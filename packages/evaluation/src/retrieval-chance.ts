import type { RetrievalReport, RetrievalScores } from "./retrieval.ts";

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
function direction(rights: readonly number[], candidates: number): RetrievalScores {
  const groups = new Map<number, number>();
  for (const right of rights) groups.set(right, (groups.get(right) ?? 0) + 1);
  const recallAt = (first: number): number => {
    const missed = [...groups].reduce(
      (sum, [right, count]) =>
        sum + count * missing(right, Math.min(first, candidates), candidates),
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
    imageToText: direction(textsOf, texts.length),
    textToImage: direction(
      texts.map(() => 1),
      images,
    ),
  };
}
