import type { Query } from "../query/query.ts";
import { checkRate, type Background } from "./background.ts";
import { leans } from "./blends.ts";

/** How much of the captions' mean is in a query, see `leans`. */
export function leanOf({ terms }: Query): number {
  const sum = terms.reduce((sum, { weight }) => sum + weight, 0);
  return sum / Math.sqrt(terms.reduce((sum, { weight }) => sum + weight * weight, 0));
}

/**
 * The least cosine of a row that fits a query of which `lean` says how its terms combine; undefined of an empty index.
 * The best row of an index exceeds it for the share `rate` of the background's blends, those with as much of the
 * captions' mean in them as the query has. All queries of one text have one cut-off.
 *
 * The rate is nominal: it counts what has nothing like it in the index. `node bench/nothing-fits.mjs`, the quickstart's
 * model: at 5 %, 5.7 % of the names of a group of emoji that 900 drawings of other groups lack find something (3.8 and
 * 8.6 % for the two halves of the groups), but 11 to 13 % where 900 are drawn at random, with near-synonyms among them.
 */
export function cutoffOf(
  background: Background,
  { lean, rate = background.falsePositiveRate }: { readonly lean: number; readonly rate?: number },
): number | undefined {
  checkRate(rate);
  if (background.rows === 0) return undefined;
  const cutoffs = background.best.map((cosines) => cosines[Math.floor(rate * cosines.length)] as number);
  // Between two leans that were measured the cut-off is theirs in proportion, beyond them the last one's.
  const within = Math.min(Math.max(lean, leans[0]), leans[leans.length - 1] as number);
  const place = leans.findIndex((one) => one >= within);
  const above = Math.max(1, place);
  const [low, high] = [leans[above - 1] as number, leans[above] as number];
  const share = (within - low) / (high - low);
  return (1 - share) * (cutoffs[above - 1] as number) + share * (cutoffs[above] as number);
}
