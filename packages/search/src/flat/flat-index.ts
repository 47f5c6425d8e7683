import { ClipError, shown } from "@clip-ts/base";
import { assertFieldKinds, assertFilter } from "../fields.ts";
import { assertIds } from "../ids.ts";
import type { IndexFiles } from "../index-files.ts";
import { assertDim, checkedQuery, checkedRows } from "../rows.ts";
import { createTurns } from "../turns.ts";
import type { FieldKinds, IndexRows, VectorIndex } from "../vector-index.ts";
import { alive, columnsOf, type Block } from "./block.ts";
import { blockRows, blocksToMerge, groupsOf, isWasteful, mergeBlocks } from "./merge.ts";
import { countRows, scanRows, searchRows, storedRow } from "./read.ts";
import type { Layout } from "./segment-file.ts";
import { openSegments, segmentsInMemory, type Segments } from "./segments.ts";
import { createTable, type Table } from "./table.ts";
import { emptyVectors, setRow } from "./vectors.ts";

/** How a flat index is opened or made. */
export interface FlatIndexOptions {
  /** Values of a vector. */
  readonly dim: number;
  readonly fields: FieldKinds;
  /**
   * Numbers that vectors are kept as: what the files hold, or "f32" for a new index. "int8" takes a quarter of the
   * room: each row in 127 steps each way, times a scale of its own.
   */
  readonly dtype?: "f32" | "int8";
  /** Where it is kept; in memory alone if absent. One index at a time may change what is there. */
  readonly files?: IndexFiles;
}

/** What a block is made of, before it has its place in the order of changes. */
type Change = Omit<Block, "first" | "last">;

function changeOf(layout: Layout, rows: IndexRows, start: number): Change {
  const end = Math.min(start + blockRows(layout), rows.ids.length);
  const vectors = emptyVectors(layout.dtype, layout.dim, end - start);
  for (let row = start; row < end; row++) {
    setRow(vectors, row - start, rows.vectors.values.subarray(row * layout.dim, (row + 1) * layout.dim));
  }
  return {
    removed: [],
    ids: rows.ids.slice(start, end),
    columns: columnsOf(layout.kinds, rows.fields.slice(start, end)),
    vectors,
    diedAt: new Uint32Array(end - start).fill(alive),
  };
}

function removalOf(layout: Layout, ids: readonly string[]): Change {
  const vectors = emptyVectors(layout.dtype, layout.dim, 0);
  return { removed: ids, ids: [], columns: columnsOf(layout.kinds, []), vectors, diedAt: new Uint32Array() };
}

/** What changes the table, always in the files first. */
function changing({ layout, write, remove }: Segments, table: Table) {
  const merge = async (blocks: readonly Block[], forgetsRemoved: boolean): Promise<void> => {
    const merged = mergeBlocks(layout, blocks, forgetsRemoved);
    await write(merged);
    table.replace(blocks, merged);
    await remove(blocks.filter(({ first, last }) => first !== merged.first || last !== merged.last));
  };
  const tidy = async (): Promise<void> => {
    for (;;) {
      const small = blocksToMerge(layout, table.snapshot().blocks);
      if (small.length === 0) return;
      await merge(small, false);
    }
  };
  return {
    async put(change: Change): Promise<void> {
      const at = (table.snapshot().blocks.at(-1)?.last ?? 0) + 1;
      const block = { ...change, first: at, last: at };
      await write(block);
      table.apply(block);
      // The change is kept: where a disk is too full to merge, the next change tries again.
      await tidy().catch(() => undefined);
    },
    /** From the first on: what a block takes out may be forgotten once no earlier one holds it. */
    async compact(): Promise<void> {
      for (const group of groupsOf(layout, table.snapshot().blocks)) {
        if (isWasteful(group)) await merge(group, true);
      }
    },
  };
}

type Readers = Pick<VectorIndex, "count" | "search" | "get" | "scan">;

function readersOf({ dim, kinds: fields }: Layout, table: Table, assertOpen: () => void): Readers {
  return {
    async count(filter = []) {
      assertOpen();
      assertFilter(fields, filter);
      return filter.length === 0 ? table.size() : countRows(table.snapshot(), filter);
    },
    async search(vector, request) {
      assertOpen();
      return searchRows(table.snapshot(), checkedQuery({ dim, fields }, vector, request).slice(), request);
    },
    async get(ids, { withVectors = false } = {}) {
      assertOpen();
      assertIds(ids);
      return ids.flatMap((id) => {
        const place = table.find(id);
        return place === undefined ? [] : [storedRow(place, withVectors)];
      });
    },
    scan(options = {}) {
      assertOpen();
      assertFilter(fields, options.filter ?? []);
      return scanRows(table.snapshot(), options);
    },
  };
}

function flatIndex(segments: Segments, table: Table): VectorIndex {
  const { layout } = segments;
  const { dim, kinds: fields } = layout;
  const { put, compact } = changing(segments, table);
  const inTurn = createTurns();
  let isOpen = true;
  const assertOpen = (): void => {
    if (!isOpen) throw new ClipError("disposed", "This index was closed. Open it again.");
  };
  return {
    kind: "flat",
    dim,
    fields,
    ...readersOf(layout, table, assertOpen),
    async add(rows) {
      assertOpen();
      const checked = checkedRows({ dim, fields }, rows);
      await inTurn(async () => {
        for (let start = 0; start < checked.ids.length; start += blockRows(layout)) {
          await put(changeOf(layout, checked, start));
        }
      });
    },
    async remove(ids) {
      assertOpen();
      assertIds(ids);
      await inTurn(async () => {
        const held = [...new Set(ids)].filter((id) => table.find(id) !== undefined);
        if (held.length > 0) await put(removalOf(layout, held));
      });
    },
    async compact() {
      assertOpen();
      await inTurn(compact);
    },
    async close() {
      isOpen = false;
      await inTurn(() => Promise.resolve());
    },
  };
}

/**
 * Opens an index that compares a query with every row, or makes it if there is none among the files. All vectors are
 * in memory. Searches leave the thread to others now and then; each sees the rows of the moment at which it began.
 * @throws ClipError "bad-argument" where the files hold vectors of another width, other fields or other numbers;
 * "bad-data" that names a file that is damaged or missing.
 */
export async function openFlatIndex({ dim, fields, dtype, files }: FlatIndexOptions): Promise<VectorIndex> {
  assertDim(dim);
  assertFieldKinds(fields);
  if (dtype !== undefined && dtype !== "f32" && dtype !== "int8") {
    throw new ClipError("bad-argument", `Expected "f32" or "int8" as the numbers of an index; got ${shown(dtype)}.`);
  }
  const wanted = { dim, kinds: fields, dtype };
  const segments = files === undefined ? segmentsInMemory(wanted) : await openSegments(files, wanted);
  const table = createTable();
  for await (const block of segments.stored) table.apply(block);
  return flatIndex(segments, table);
}
