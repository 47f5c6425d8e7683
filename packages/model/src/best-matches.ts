/** A candidate and how well it fits. */
export interface Match {
  /** Row of the candidate. */
  readonly index: number;
  readonly score: number;
}

/** The `count` best of the scores, best first; the earlier of equal ones first. */
export function bestMatches(scores: ArrayLike<number>, count: number): Match[] {
  return Array.from(scores, (score, index) => ({ index, score }))
    .toSorted((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, count);
}
