/** A candidate and how well it fits. */
export interface Match {
  /** Row of the candidate. */
  readonly index: number;
  /** Cosine, where that is what was compared. */
  readonly similarity: number;
}

/** The `count` most similar candidates, best first; the earlier of equal ones first. */
export function bestMatches(similarities: ArrayLike<number>, count: number): Match[] {
  return Array.from(similarities, (similarity, index) => ({ index, similarity }))
    .toSorted((a, b) => b.similarity - a.similarity || a.index - b.index)
    .slice(0, count);
}
