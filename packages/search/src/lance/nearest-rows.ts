import type * as Lance from "@lancedb/lancedb";
import { compareIds } from "../ids.ts";
import type { Hit, SearchRequest } from "../vector-index.ts";
import { findVectorIndex } from "./compact.ts";
import { distanceType, probesFor, type Probes } from "./form.ts";
import type { OpenTable } from "./open-table.ts";
import { rowReader } from "./read-rows.ts";
import { withRetries } from "./retry.ts";
import { filterSql } from "./sql.ts";

/** Rows that are asked for beyond the wanted ones, to see whether those at the border are alike. */
const spare = 4;
/** Rows that meet a filter up to which they are compared one by one: an index would have to be searched far. */
const fewMatching = 5000;

interface Search {
  readonly vector: Float32Array;
  readonly where: string;
  /** Absent where every row is compared. */
  readonly probes: Probes | undefined;
}

/** How a request is answered. */
interface Plan {
  /** How far the index is searched; undefined where every row is compared. */
  readonly probes: Probes | undefined;
  /** Rows that meet the filter, as far as it matters. */
  readonly matching: number;
}

async function planOf({ table }: OpenTable, where: string, { count, isExact }: SearchRequest): Promise<Plan> {
  const everyRow = { probes: undefined, matching: 0 };
  if (isExact === true) return everyRow;
  const index = await findVectorIndex(table);
  if (index === undefined) return everyRow;
  const rows = await table.countRows();
  const matching = where === "" ? rows : await table.countRows(where);
  if (where !== "" && matching <= fewMatching) return everyRow;
  return { probes: probesFor({ type: index.indexType, rows }, { count, matching }), matching };
}

function queryOf({ table, fields }: OpenTable, { vector, where, probes }: Search, limit: number): Lance.VectorQuery {
  const query = table
    .query()
    .nearestTo(vector)
    .distanceType(distanceType)
    .select(["id", ...Object.keys(fields), "_distance"])
    .limit(limit);
  if (where !== "") query.where(where);
  if (probes === undefined) return query.bypassVectorIndex();
  query.nprobes(probes.partitions);
  if (probes.refineFactor !== undefined) query.refineFactor(probes.refineFactor);
  return query;
}

async function hitsOf(open: OpenTable, search: Search, limit: number): Promise<Hit[]> {
  const answer = await queryOf(open, search, limit).toArrow();
  const read = rowReader(answer, open.fields);
  const distances = answer.getChild("_distance");
  return Array.from({ length: answer.numRows }, (_, row) => {
    const { id, fields } = read(row);
    // Of unit vectors |a - b|^2 = 2 - 2 a.b.
    return { id, similarity: 1 - (distances?.get(row) as number) / 2, fields };
  });
}

/**
 * The nearest rows, best first. LanceDB leaves out any of the rows that are equally near where it cuts; rows are asked
 * for until the last one is farther than the last wanted one.
 */
export async function nearestRows(open: OpenTable, vector: Float32Array, request: SearchRequest): Promise<Hit[]> {
  const where = filterSql(request.filter ?? []);
  const { count } = request;
  return withRetries(open.place, async () => {
    const { probes, matching } = await planOf(open, where, request);
    let search: Search = { vector, where, probes };
    for (let limit = count + spare; ; limit *= 2) {
      let hits = await hitsOf(open, search, limit);
      if (hits.length < Math.min(limit, matching)) {
        // The partitions that were searched hold too few rows that meet the filter.
        search = { vector, where, probes: undefined };
        hits = await hitsOf(open, search, limit);
      }
      const isWhole = hits.length < limit || (hits[count - 1] as Hit).similarity > (hits.at(-1) as Hit).similarity;
      if (!isWhole) continue;
      return hits.toSorted((a, b) => b.similarity - a.similarity || compareIds(a.id, b.id)).slice(0, count);
    }
  });
}
