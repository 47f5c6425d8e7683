import { ClipError } from "@clip-ts/base";
import type { QdrantClient } from "@qdrant/js-client-rest";
import { assertFieldKinds, assertFilter } from "../fields.ts";
import { meetsAll } from "../filter/meets-all.ts";
import { assertIds, compareIds } from "../ids.ts";
import { assertDim, checkedQuery, checkedRows } from "../rows.ts";
import type {
  FieldKinds,
  Fields,
  Filter,
  Hit,
  IndexRows,
  SearchRequest,
  StoredRow,
  VectorIndex,
} from "../vector-index.ts";
import { ensureCollection } from "./collection.ts";
import { connect } from "./connect.ts";
import { qdrantFilter } from "./filter.ts";
import { pointIds } from "./point-id.ts";
import { idKey, payloadKeys, pointsOf, rowOf } from "./points.ts";
import type { CollectionPlace } from "./place.ts";
import { asked } from "./requests.ts";

/** How a collection of a Qdrant server is opened or made. */
export interface QdrantIndexOptions extends CollectionPlace {
  readonly dim: number;
  readonly fields: FieldKinds;
}

/** Points of one page of a scan or of reading by ids. */
const pageRows = 1000;
/** Ids of one page of going through all of them. */
const idsAtOnce = 10_000;
/** Characters of a request; a server takes 32 MB unless told otherwise. */
const requestSize = 8_000_000;
const charactersOfValue = 14;
/** Rows that are asked for beyond the wanted ones, to see whether those at the border are alike. */
const spare = 4;

/** What the parts of an opened index share. */
interface OpenCollection {
  readonly client: QdrantClient;
  readonly url: string;
  readonly collection: string;
  readonly dim: number;
  readonly fields: FieldKinds;
}

/** Whether a row meets a filter. */
function testOf(filter: Filter): (fields: Fields) => boolean {
  const meets = meetsAll(filter);
  return (fields) => meets((name) => fields[name] ?? null);
}

/** How many rows go into one request: their vectors and texts in JSON, which writes a character in six at worst. */
function endOfPart(fields: readonly Fields[], start: number, dim: number): number {
  let size = 0;
  let end = start;
  while (end < fields.length && (end === start || size < requestSize)) {
    const texts = Object.values(fields[end] as Fields).map((value) => (typeof value === "string" ? value.length : 0));
    // A text, and its beginnings: 1, 2, 4, ... characters are twice the text, and folders.
    size += dim * charactersOfValue + texts.reduce((sum, length) => sum + 6 * length * 4, 200);
    end++;
  }
  return end;
}

async function addRows({ client, url, collection, dim, fields }: OpenCollection, rows: IndexRows): Promise<void> {
  const checked = checkedRows({ dim, fields }, rows);
  for (let start = 0; start < checked.ids.length;) {
    const end = endOfPart(checked.fields, start, dim);
    const points = await pointsOf(checked, [start, end]);
    await asked(url, async () => client.upsert(collection, { points, wait: true }));
    start = end;
  }
}

async function removeRows({ client, url, collection }: OpenCollection, ids: readonly string[]): Promise<void> {
  for (let start = 0; start < ids.length; start += idsAtOnce) {
    const points = await pointIds(ids.slice(start, start + idsAtOnce));
    await asked(url, async () => client.delete(collection, { points, wait: true }));
  }
}

async function nearestRows(open: OpenCollection, vector: Float32Array, request: SearchRequest): Promise<Hit[]> {
  const { client, url, collection, fields } = open;
  const { count, filter = [], isExact = false } = request;
  const asks = qdrantFilter(filter);
  if (asks === undefined) return [];
  const meets = testOf(filter);
  for (let limit = count + spare; ; limit *= 2) {
    const { points } = await asked(url, async () =>
      client.query(collection, {
        query: Array.from(vector),
        ...asks.filter,
        limit,
        params: { exact: isExact },
        with_payload: payloadKeys(fields),
        with_vector: false,
      }),
    );
    const hits = points.map((point): Hit => ({ ...rowOf(fields, point), similarity: point.score }));
    const meeting = hits.filter((hit) => meets(hit.fields));
    const lastWanted = meeting[count - 1];
    const isWhole =
      hits.length < limit || (lastWanted !== undefined && lastWanted.similarity > (hits.at(-1) as Hit).similarity);
    if (!isWhole) continue;
    return meeting.toSorted((a, b) => b.similarity - a.similarity || compareIds(a.id, b.id)).slice(0, count);
  }
}

async function getRows(open: OpenCollection, ids: readonly string[], withVectors: boolean): Promise<StoredRow[]> {
  const { client, url, collection, fields } = open;
  const found = new Map<string, StoredRow>();
  for (let start = 0; start < ids.length; start += pageRows) {
    const uuids = await pointIds(ids.slice(start, start + pageRows));
    const points = await asked(url, async () =>
      client.retrieve(collection, { ids: uuids, with_payload: payloadKeys(fields), with_vector: withVectors }),
    );
    for (const point of points) {
      const row = rowOf(fields, point);
      found.set(row.id, row);
    }
  }
  return ids.flatMap((id) => found.get(id) ?? []);
}

/** Pages of the rows that meet a filter, in the order of points, with these keys of their payload. */
async function* pagesOf(open: OpenCollection, filter: Filter, keys: string[]): AsyncGenerator<readonly StoredRow[]> {
  const { client, url, collection, fields } = open;
  const asks = qdrantFilter(filter);
  if (asks === undefined) return;
  const meets = asks.isWider ? testOf(filter) : (): boolean => true;
  let offset: unknown;
  do {
    const page = await asked(url, async () =>
      client.scroll(collection, {
        ...asks.filter,
        limit: idsAtOnce,
        with_payload: asks.isWider ? payloadKeys(fields) : keys,
        with_vector: false,
        ...(offset == null ? {} : { offset: offset as string }),
      }),
    );
    yield page.points.map((point) => rowOf(fields, point)).filter((row) => meets(row.fields));
    offset = page.next_page_offset;
  } while (offset != null);
}

async function countRows(open: OpenCollection, filter: Filter): Promise<number> {
  const { client, url, collection } = open;
  const asks = qdrantFilter(filter);
  if (asks === undefined) return 0;
  if (!asks.isWider) {
    return (await asked(url, async () => client.count(collection, { ...asks.filter, exact: true }))).count;
  }
  let rows = 0;
  for await (const page of pagesOf(open, filter, [])) rows += page.length;
  return rows;
}

/**
 * All ids first, which are held in memory, then rows by them: Qdrant goes through points in the order of their UUIDs,
 * or of a number, not of a text. What changes behind a page is seen.
 */
async function* scanRows(
  open: OpenCollection,
  filter: Filter,
  withVectors: boolean,
): AsyncGenerator<readonly StoredRow[]> {
  const ids: string[] = [];
  for await (const page of pagesOf(open, filter, [idKey])) {
    for (const { id } of page) ids.push(id);
  }
  ids.sort(compareIds);
  const meets = testOf(filter);
  for (let start = 0; start < ids.length; start += pageRows) {
    const rows = await getRows(open, ids.slice(start, start + pageRows), withVectors);
    const meeting = rows.filter((row) => meets(row.fields));
    if (meeting.length > 0) yield meeting;
  }
}

/**
 * Opens an index in a Qdrant server (peer `@qdrant/js-client-rest`), or makes its collection if there is none. The
 * server has to be 1.16 or newer. A page may use it where `crypto.subtle` is: on https and localhost.
 */
export async function openQdrantIndex(options: QdrantIndexOptions): Promise<VectorIndex> {
  const { url, collection, dim, fields } = options;
  assertDim(dim);
  assertFieldKinds(fields);
  const client = await connect(options);
  const open: OpenCollection = { client, url, collection, dim, fields };
  await asked(url, async () => ensureCollection(client, open));
  let isOpen = true;
  const assertOpen = (): void => {
    if (!isOpen) throw new ClipError("disposed", `The Qdrant index ${collection} was closed. Open it again.`);
  };
  return {
    kind: "qdrant",
    dim,
    fields,
    count: async (filter = []) => {
      assertOpen();
      assertFilter(fields, filter);
      return countRows(open, filter);
    },
    add: async (rows) => {
      assertOpen();
      await addRows(open, rows);
    },
    remove: async (ids) => {
      assertOpen();
      assertIds(ids);
      await removeRows(open, ids);
    },
    search: async (vector, request) => {
      assertOpen();
      return nearestRows(open, checkedQuery(open, vector, request), request);
    },
    get: async (ids, { withVectors = false } = {}) => {
      assertOpen();
      assertIds(ids);
      return getRows(open, ids, withVectors);
    },
    scan: async function* scan({ filter = [], withVectors = false } = {}) {
      assertOpen();
      assertFilter(fields, filter);
      yield* scanRows(open, filter, withVectors);
    },
    /** The server does so by itself. */
    compact: async () => assertOpen(),
    close: async () => {
      isOpen = false;
    },
  };
}
