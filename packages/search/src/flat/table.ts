import type { Block, Place } from "./block.ts";

/** More than a block has rows: see `blockRows`. */
const rowsOfKey = 2 ** 20;

/** The rows of an index at one moment: what began to read it goes on with it, whatever changes meanwhile. */
export interface Snapshot {
  readonly blocks: readonly Block[];
  readonly version: number;
}

/** Whether a row was there at that moment. */
export const isThere = ({ version }: Snapshot, block: Block, row: number): boolean =>
  (block.diedAt[row] as number) > version;

/** Blocks in their order, and where each id is. */
export interface Table {
  snapshot(): Snapshot;
  /** Rows that live. */
  size(): number;
  find(id: string): Place | undefined;
  /** Takes out what a block removes and replaces, and takes in its rows. Owns the block from then on. */
  apply(block: Block): void;
  /** Puts one block in the place of neighbours whose living rows it has. */
  replace(old: readonly Block[], merged: Block): void;
}

/** An empty table. */
export function createTable(): Table {
  let blocks: readonly Block[] = [];
  let version = 0;
  let nextKey = 0;
  const byKey = new Map<number, Block>();
  const keys = new Map<Block, number>();
  /** By id the block's key and the row in one number: an object for each would take more room than an int8 row. */
  const places = new Map<string, number>();

  const find = (id: string): Place | undefined => {
    const place = places.get(id);
    const block = place === undefined ? undefined : byKey.get(Math.floor(place / rowsOfKey));
    return place === undefined || block === undefined ? undefined : { block, row: place % rowsOfKey };
  };
  const end = (id: string): void => {
    const place = find(id);
    if (place !== undefined) place.block.diedAt[place.row] = version;
    places.delete(id);
  };
  const take = (block: Block): void => {
    const key = nextKey++;
    byKey.set(key, block);
    keys.set(block, key);
    for (const [row, id] of block.ids.entries()) places.set(id, key * rowsOfKey + row);
  };
  const leave = (block: Block): void => {
    byKey.delete(keys.get(block) ?? -1);
    keys.delete(block);
  };
  return {
    snapshot: () => ({ blocks, version }),
    size: () => places.size,
    find,
    apply(block) {
      version += 1;
      for (const id of block.removed) end(id);
      for (const id of block.ids) end(id);
      take(block);
      blocks = [...blocks, block];
    },
    replace(old, merged) {
      for (const block of old) leave(block);
      take(merged);
      const gone = new Set(old);
      const at = blocks.findIndex((block) => gone.has(block));
      blocks = [...blocks.slice(0, at), merged, ...blocks.slice(at + old.length)];
    },
  };
}
