import { ClipError, shown } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";
import type { Background } from "./calibration/background.ts";
import { cutoffOf, leanOf } from "./calibration/cutoff.ts";
import { embedQuery, type QueryEmbedders } from "./query/embed-query.ts";
import { parseQuery } from "./query/parse-query.ts";
import type { Query } from "./query/query.ts";
import type { Hit, SearchRequest, VectorIndex } from "./vector-index.ts";

/** What a search needs. */
export interface SearchParts {
  readonly index: VectorIndex;
  readonly embedders: QueryEmbedders;
  /** Without it every search finds something. */
  readonly background?: Background;
}

/** What was found. */
export interface Found {
  /** Best first; those below the cut-off only where everything was asked for. */
  readonly hits: readonly Hit[];
  /**
   * Where rows are judged and none fits: the three nearest, for people who know better. Absent where `hits` has them.
   */
  readonly nearest?: readonly Hit[];
  /** The least cosine of a row that fits this query; absent where that is not judged. */
  readonly cutoff?: number;
  /** Whether any row fits: of what is not judged, whether there is any row. */
  readonly fits: boolean;
  /** Of the cut-off, nominal: see `cutoffOf` for what was measured. Absent with it. */
  readonly falsePositiveRate?: number;
  /**
   * Why there is no cut-off: the index has no background or no rows, or a picture is part of the query. Pictures are
   * closer to pictures than words ever are, by how much depends on the pictures, and the most like one is never a
   * wrong answer.
   */
  readonly notJudged?: "no-background" | "no-rows" | "picture";
}

/** What is asked of `searchPictures`. */
export interface PictureRequest extends SearchRequest {
  /** Also rows that do not fit. */
  readonly showsAll?: boolean;
  /** In place of the background's own. */
  readonly falsePositiveRate?: number;
}

/** Rows below the cut-off that are given where nothing fits. */
const fewNearest = 3;

/** Reads rows of an index as embedders do. */
async function rowsOf(index: VectorIndex, ids: readonly string[]): Promise<FeatureRows> {
  const rows = await index.get(ids, { withVectors: true });
  const values = new Float32Array(ids.length * index.dim);
  ids.forEach((id, place) => {
    const vector = rows.find((row) => row.id === id)?.vector;
    if (vector === undefined) throw new ClipError("not-found", `the index has no picture with the id ${shown(id)}`);
    values.set(vector, place * index.dim);
  });
  return { values, rows: ids.length, dim: index.dim };
}

/**
 * The nearest rows. An index that looks at a part of its rows may miss those that meet a narrow filter; where it found
 * fewer than there are, it is asked to compare with every row.
 */
async function searchAll(index: VectorIndex, vector: Float32Array, request: SearchRequest): Promise<Hit[]> {
  const hits = await index.search(vector, request);
  if (hits.length >= request.count || request.isExact === true || index.kind === "flat") return hits;
  const there = await index.count(request.filter);
  if (hits.length >= Math.min(request.count, there)) return hits;
  return index.search(vector, { ...request, isExact: true });
}

/** What fits a query: from which cosine on and at which rate, or why that is not judged. */
function judge(
  query: Query,
  background: Background | undefined,
  rate: number | undefined,
): Pick<Found, "cutoff" | "falsePositiveRate" | "notJudged"> {
  if (background === undefined) return { notJudged: "no-background" };
  if (query.terms.some(({ kind }) => kind !== "text")) return { notJudged: "picture" };
  const falsePositiveRate = rate ?? background.falsePositiveRate;
  const cutoff = cutoffOf(background, { lean: leanOf(query), rate: falsePositiveRate });
  return cutoff === undefined ? { notJudged: "no-rows" } : { cutoff, falsePositiveRate };
}

/**
 * Finds the pictures that a query asks for, and says where nothing fits. A query in words is read by `parseQuery`. The
 * cut-off is that of the whole index: of the few rows that meet a filter one is above it by chance more seldom than the
 * rate says.
 */
export async function searchPictures(
  { index, embedders, background }: SearchParts,
  asked: Query | string,
  request: PictureRequest,
): Promise<Found> {
  const { showsAll = false, falsePositiveRate: rate, ...rest } = request;
  const query = typeof asked === "string" ? parseQuery(asked) : asked;
  const vector = await embedQuery(query, { rows: (ids) => rowsOf(index, ids), ...embedders });
  const verdict = judge(query, background, rate);
  const hits = await searchAll(index, vector, rest);
  const { cutoff = Number.NEGATIVE_INFINITY } = verdict;
  const fitting = hits.filter(({ similarity }) => similarity >= cutoff);
  const fits = fitting.length > 0;
  return {
    hits: showsAll ? hits : fitting,
    fits,
    ...(hits.length > fitting.length && !fits && !showsAll && { nearest: hits.slice(0, fewNearest) }),
    ...verdict,
  };
}
