import type { FieldKinds, FieldValue } from "../vector-index.ts";
import { alive, columnOf, countAlive, fieldOf, type Block, type Place } from "./block.ts";
import { copyRow, emptyVectors, rowBytes } from "./vectors.ts";
import type { Layout } from "./segment-file.ts";

/** Bytes of vectors in the largest block: what merging holds twice for a while, and a file that is read at once. */
const mostBytes = 2 ** 27;
/** So that a block and a row fit one number. */
const mostRows = 2 ** 20;
/** Blocks of about one size that are merged into one. */
const fanIn = 16;

/** Rows of the largest block. */
export function blockRows({ dtype, dim }: Layout): number {
  return Math.max(1, Math.min(mostRows, Math.floor(mostBytes / rowBytes(dtype, dim))));
}

/** How many times a block of one row has been merged to be as large as this. */
function levelOf({ ids, removed }: Block): number {
  return Math.floor(Math.log(Math.max(1, ids.length + removed.length)) / Math.log(fanIn) + 1e-9);
}

/**
 * The last blocks, as soon as they are many of one size or smaller: merged, each row is copied once a level, and of
 * any number of changes few files remain. Large ones wait for `compact`.
 */
export function blocksToMerge(layout: Layout, blocks: readonly Block[]): readonly Block[] {
  const last = blocks.at(-1);
  if (last === undefined) return [];
  const level = levelOf(last);
  const isSmall = (block: Block): boolean =>
    levelOf(block) <= level && fanIn * (block.ids.length + block.removed.length) <= blockRows(layout);
  const before = blocks.findLastIndex((block) => !isSmall(block));
  const tail = blocks.slice(before + 1);
  return tail.length < fanIn ? [] : tail;
}

/** Neighbours that fit one block together, so that an index becomes as few as may be. */
export function groupsOf(layout: Layout, blocks: readonly Block[]): Block[][] {
  const most = blockRows(layout);
  const groups: Block[][] = [];
  let rows = 0;
  for (const block of blocks) {
    const own = countAlive(block);
    const group = groups.at(-1);
    if (group === undefined || rows + own > most) {
      groups.push([block]);
      rows = own;
    } else {
      group.push(block);
      rows += own;
    }
  }
  return groups;
}

/** Whether merging blocks would leave out anything. */
export function isWasteful(blocks: readonly Block[]): boolean {
  const [only] = blocks;
  return blocks.length !== 1 || only === undefined || only.removed.length > 0 || countAlive(only) < only.ids.length;
}

/** Ids that blocks took out and that none of their own rows brought back. */
function removedOf(blocks: readonly Block[], ids: readonly string[]): string[] {
  const held = new Set(ids);
  return [...new Set(blocks.flatMap(({ removed }) => removed))].filter((id) => !held.has(id));
}

function mergeColumns(kinds: FieldKinds, places: readonly Place[]): Block["columns"] {
  const columns = Object.entries(kinds).map(([name, kind]) => {
    const values = places.map(({ block, row }): FieldValue => fieldOf(block, name, row));
    return [name, columnOf(kind, values)] as const;
  });
  return new Map(columns);
}

/**
 * One block in place of neighbours, with their living rows alone, copied. What they took out is remembered where
 * earlier blocks may still hold it.
 */
export function mergeBlocks(layout: Layout, blocks: readonly Block[], forgetsRemoved: boolean): Block {
  const places = blocks.flatMap((block) =>
    block.ids.flatMap((_, row): Place[] => (block.diedAt[row] === alive ? [{ block, row }] : [])),
  );
  const ids = places.map(({ block, row }) => block.ids[row] as string);
  const vectors = emptyVectors(layout.dtype, layout.dim, places.length);
  for (const [target, { block, row }] of places.entries()) copyRow(block.vectors, row, vectors, target);
  return {
    first: blocks[0]?.first ?? 1,
    last: blocks.at(-1)?.last ?? 1,
    removed: forgetsRemoved ? [] : removedOf(blocks, ids),
    ids,
    columns: mergeColumns(layout.kinds, places),
    vectors,
    diedAt: new Uint32Array(places.length).fill(alive),
  };
}
