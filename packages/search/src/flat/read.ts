import { createYield } from "@clip-ts/base";
import { meetsAll } from "../filter/meets-all.ts";
import { compareIds } from "../ids.ts";
import type { Filter, Hit, SearchRequest, StoredRow } from "../vector-index.ts";
import { fieldOf, fieldsOf, type Block, type Place } from "./block.ts";
import { keepNearest } from "./nearest.ts";
import { createScorer } from "./scores.ts";
import { isThere, type Snapshot } from "./table.ts";
import { rowOf } from "./vectors.ts";

/** Rows between two looks at the clock; their scores fit a processor's nearest cache. */
const rowsAtOnce = 1024;
/** Rows that a scan gives at once. */
const batchRows = 1024;

/** Rows from `start` up to `end` of a block. */
interface Piece {
  readonly block: Block;
  readonly start: number;
  readonly end: number;
}

function* piecesOf({ blocks }: Snapshot): Generator<Piece> {
  for (const block of blocks) {
    for (let start = 0; start < block.ids.length; start += rowsAtOnce) {
      yield { block, start, end: Math.min(start + rowsAtOnce, block.ids.length) };
    }
  }
}

/** Whether a row was there and meets the filter. */
function chooser(snapshot: Snapshot, filter: Filter): (block: Block, row: number) => boolean {
  if (filter.length === 0) return (block, row) => isThere(snapshot, block, row);
  const meets = meetsAll(filter);
  return (block, row) => isThere(snapshot, block, row) && meets((field) => fieldOf(block, field, row));
}

/** Runs of chosen rows: what lies side by side is scored at once, what is not asked for not at all. */
function* runsOf({ block, start, end }: Piece, isChosen: (block: Block, row: number) => boolean): Generator<Piece> {
  let first = -1;
  for (let row = start; row < end; row++) {
    const chosen = isChosen(block, row);
    if (chosen && first < 0) first = row;
    if (!chosen && first >= 0) {
      yield { block, start: first, end: row };
      first = -1;
    }
  }
  if (first >= 0) yield { block, start: first, end };
}

/** Rows that meet a filter. */
export async function countRows(snapshot: Snapshot, filter: Filter): Promise<number> {
  const pause = createYield();
  const isChosen = chooser(snapshot, filter);
  let count = 0;
  for (const { block, start, end } of piecesOf(snapshot)) {
    for (let row = start; row < end; row++) if (isChosen(block, row)) count++;
    await pause();
  }
  return count;
}

/** The nearest rows among all. */
export async function searchRows(snapshot: Snapshot, vector: Float32Array, request: SearchRequest): Promise<Hit[]> {
  const pause = createYield();
  const score = createScorer(vector);
  const isChosen = chooser(snapshot, request.filter ?? []);
  const nearest = keepNearest(request.count);
  const scores = new Float64Array(rowsAtOnce);
  for (const piece of piecesOf(snapshot)) {
    for (const { block, start, end } of runsOf(piece, isChosen)) {
      score(block.vectors, start, end, scores);
      let least = nearest.least();
      for (let row = start; row < end; row++) {
        const similarity = scores[row - start] as number;
        if (similarity < least) continue;
        nearest.offer({ block, row, similarity });
        least = nearest.least();
      }
    }
    await pause();
  }
  return nearest.ordered().map(({ block, row, similarity }) => ({
    id: block.ids[row] as string,
    similarity,
    fields: fieldsOf(block, row),
  }));
}

/** A row as it is given away. */
export function storedRow({ block, row }: Place, withVectors: boolean): StoredRow {
  const own = { id: block.ids[row] as string, fields: fieldsOf(block, row) };
  return withVectors ? { ...own, vector: rowOf(block.vectors, row) } : own;
}

/** Where the rows that meet a filter are, in the order of ids. */
async function orderedPlaces(snapshot: Snapshot, filter: Filter): Promise<Place[]> {
  const pause = createYield();
  const isChosen = chooser(snapshot, filter);
  const places: Place[] = [];
  for (const { block, start, end } of piecesOf(snapshot)) {
    for (let row = start; row < end; row++) if (isChosen(block, row)) places.push({ block, row });
    await pause();
  }
  return places.toSorted((a, b) => compareIds(a.block.ids[a.row] as string, b.block.ids[b.row] as string));
}

/** Every row that meets a filter, some at a time, in the order of ids. */
export async function* scanRows(
  snapshot: Snapshot,
  { filter = [], withVectors = false }: { readonly filter?: Filter; readonly withVectors?: boolean },
): AsyncGenerator<readonly StoredRow[]> {
  const places = await orderedPlaces(snapshot, filter);
  for (let start = 0; start < places.length; start += batchRows) {
    yield places.slice(start, start + batchRows).map((place) => storedRow(place, withVectors));
  }
}
