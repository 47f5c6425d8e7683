import { ClipError } from "@clip-ts/base";
import type * as Arrow from "apache-arrow";
import { assertFieldKinds, assertFilter } from "../fields.ts";
import { assertIds, compareIds } from "../ids.ts";
import { assertDim, checkedQuery, checkedRows } from "../rows.ts";
import { createTurns } from "../turns.ts";
import type { FieldKinds, Filter, Hit, IndexRows, SearchRequest, StoredRow, VectorIndex } from "../vector-index.ts";
import { compactTable } from "./compact.ts";
import { usualLimits, type FormLimits } from "./form.ts";
import { loadLance } from "./load.ts";
import { nearestRows } from "./nearest-rows.ts";
import { openTable, type OpenTable } from "./open-table.ts";
import { rowReader } from "./read-rows.ts";
import { withRetries } from "./retry.ts";
import { rowsTableOf } from "./rows-table.ts";
import { allOf, filterSql, idRangeSql, idsSql } from "./sql.ts";

/** How a LanceDB table is opened or made. */
export interface LanceIndexOptions {
  /** The folder, or an address that LanceDB reads. */
  readonly place: string;
  readonly dim: number;
  readonly fields: FieldKinds;
  /** Rows from which on `compact` makes an index for searching; 20,000 by default. */
  readonly indexFrom?: number;
  /** Rows from which on that index keeps vectors in few bits; 1,000,000 by default. */
  readonly quantizeFrom?: number;
}

/** Rows of one page of a scan. */
const pageRows = 2048;
/** Ids in one statement. */
const idsAtOnce = 2000;
/** Values in one change: 128 MB, which LanceDB holds some times over. */
const valuesAtOnce = 2 ** 25;

/** Parts of a list, in order. */
function* partsOf<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size);
}

async function addRows(open: OpenTable, schema: Arrow.Schema, rows: IndexRows): Promise<void> {
  const { ids, vectors, fields } = checkedRows(open, rows);
  const tableOf = rowsTableOf(open.lance, schema, open);
  const rowsAtOnce = Math.max(1, Math.floor(valuesAtOnce / open.dim));
  for (let start = 0; start < ids.length; start += rowsAtOnce) {
    const end = Math.min(ids.length, start + rowsAtOnce);
    const part = tableOf({
      ids: ids.slice(start, end),
      values: vectors.values.subarray(start * open.dim, end * open.dim),
      fields: fields.slice(start, end),
    });
    await withRetries(open.place, async () =>
      open.table.mergeInsert("id").whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(part),
    );
  }
}

async function readRows(
  { table, place, fields }: OpenTable,
  where: string,
  withVectors: boolean,
): Promise<StoredRow[]> {
  const columns = ["id", ...(withVectors ? ["vector"] : []), ...Object.keys(fields)];
  const answer = await withRetries(place, async () => table.query().where(where).select(columns).toArrow());
  const read = rowReader(answer, fields);
  return Array.from({ length: answer.numRows }, (_, row) => read(row));
}

async function getRows(open: OpenTable, ids: readonly string[], withVectors: boolean): Promise<StoredRow[]> {
  const found = new Map<string, StoredRow>();
  for (const part of partsOf([...new Set(ids)], idsAtOnce)) {
    for (const row of await readRows(open, idsSql(part), withVectors)) found.set(row.id, row);
  }
  return ids.flatMap((id) => found.get(id) ?? []);
}

/**
 * Pages of rows: first the last id of a page is found, then its rows are read, so that LanceDB sorts ids alone. Each
 * page is of the newest version; what another opening changes behind it is seen.
 */
async function* scanRows(open: OpenTable, filter: Filter, withVectors: boolean): AsyncGenerator<readonly StoredRow[]> {
  const conditions = filterSql(filter);
  let after: string | undefined;
  for (;;) {
    const where = allOf(conditions, idRangeSql(after));
    const ids = await withRetries(open.place, async () => {
      const query = open.table.query().select(["id"]).orderBy({ columnName: "id", ascending: true }).limit(pageRows);
      return (where === "" ? query : query.where(where)).toArrow();
    });
    if (ids.numRows === 0) return;
    const upTo = ids.getChild("id")?.get(ids.numRows - 1) as string;
    const rows = await readRows(open, allOf(conditions, idRangeSql(after, upTo)), withVectors);
    if (rows.length > 0) yield rows.toSorted((a, b) => compareIds(a.id, b.id));
    after = upTo;
  }
}

/**
 * Opens an index in LanceDB (peers `@lancedb/lancedb` and `apache-arrow`), or makes it if the folder has none. Other
 * openings, of other processes too, may read and write at the same time; each sees what the others changed.
 *
 * LanceDB names an old @huggingface/transformers and an old openai as optional dependencies, which nothing here uses.
 * pnpm leaves them out by `ignoredOptionalDependencies: ["@huggingface/transformers", "openai"]` in
 * pnpm-workspace.yaml, npm by `"overrides": { "@lancedb/lancedb": { "@huggingface/transformers":
 * "npm:empty-npm-package@1.0.0", "openai": "npm:empty-npm-package@1.0.0" } }` in package.json.
 * @throws ClipError "unsupported" if LanceDB is not installed, "bad-argument" if the folder holds an index of another
 * width or of other fields, "bad-data" if it cannot be read or made
 */
export async function openLanceIndex(options: LanceIndexOptions): Promise<VectorIndex> {
  const { place, dim, fields } = options;
  assertDim(dim);
  assertFieldKinds(fields);
  const libraries = await loadLance();
  const table = await openTable(libraries, options);
  const schema = await table.schema();
  const open: OpenTable = { lance: libraries.lance, table, place, dim, fields };
  const limits: FormLimits = {
    indexFrom: options.indexFrom ?? usualLimits.indexFrom,
    quantizeFrom: options.quantizeFrom ?? usualLimits.quantizeFrom,
  };
  const assertOpen = (): void => {
    if (!table.isOpen()) throw new ClipError("disposed", `The LanceDB index in ${place} was closed.`);
  };
  // LanceDB would let two changes of one process get in each other's way.
  const inTurn = createTurns();
  const change = async (action: () => Promise<void>): Promise<void> => {
    assertOpen();
    return inTurn(action);
  };
  return {
    kind: "lance",
    dim,
    fields,
    count: async (filter = []) => {
      assertOpen();
      assertFilter(fields, filter);
      return withRetries(place, async () => table.countRows(filterSql(filter) || undefined));
    },
    add: async (rows) => change(async () => addRows(open, schema, rows)),
    remove: async (ids) => {
      assertIds(ids);
      return change(async () => {
        for (const part of partsOf(ids, idsAtOnce)) await withRetries(place, async () => table.delete(idsSql(part)));
      });
    },
    search: async (vector: Float32Array, request: SearchRequest): Promise<Hit[]> => {
      assertOpen();
      return nearestRows(open, checkedQuery(open, vector, request), request);
    },
    get: async (ids, { withVectors = false } = {}) => {
      assertOpen();
      assertIds(ids);
      return getRows(open, ids, withVectors);
    },
    scan: ({ filter = [], withVectors = false } = {}) => {
      assertOpen();
      assertFilter(fields, filter);
      return scanRows(open, filter, withVectors);
    },
    compact: async () => change(async () => compactTable(libraries.lance, { table, place, limits })),
    close: async () => {
      await inTurn(() => Promise.resolve());
      table.close();
    },
  };
}
