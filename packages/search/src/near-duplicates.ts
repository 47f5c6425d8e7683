import { ClipError, createYield, shown } from "@clip-ts/base";
import { compareIds } from "./ids.ts";
import type { VectorIndex } from "./vector-index.ts";

/** Rows that are nearly the same, two or more. */
export interface DuplicateGroup {
  /** In the order of ids. */
  readonly ids: readonly string[];
  /** The least cosine of two that were joined. */
  readonly similarity: number;
}

/** How near duplicates are looked for. */
export interface DuplicateOptions {
  /** Least cosine of two rows that are joined: above 0, at most 1. */
  readonly similarity: number;
  /** Hears how many rows have been compared with all before them. */
  readonly onProgress?: (done: number) => void;
}

/** Rows that are multiplied with rows at a time: both blocks fit a processor's cache. */
const blockRows = 64;

/** All vectors of an index in one piece, and their ids: what is compared is held once. */
async function readRows(index: VectorIndex): Promise<{ readonly ids: string[]; readonly values: Float32Array }> {
  let values = new Float32Array((await index.count()) * index.dim);
  const ids: string[] = [];
  for await (const batch of index.scan({ withVectors: true })) {
    const needed = (ids.length + batch.length) * index.dim;
    if (needed > values.length) {
      const larger = new Float32Array(Math.max(needed, 2 * values.length));
      larger.set(values);
      values = larger;
    }
    for (const { id, vector } of batch) {
      if (vector !== undefined) values.set(vector, ids.length * index.dim);
      ids.push(id);
    }
  }
  return { ids, values };
}

/** Rows that hang together, each by the first of its set (Galler and Fischer 1964), and each set's least cosine. */
function createSets(rows: number) {
  const parents = Int32Array.from({ length: rows }, (_, row) => row);
  const least = new Float64Array(rows).fill(Infinity);
  const rootOf = (row: number): number => {
    let at = row;
    while (parents[at] !== at) {
      const above = parents[parents[at] as number] as number;
      parents[at] = above;
      at = above;
    }
    return at;
  };
  return {
    rootOf,
    leastOf: (row: number): number => least[rootOf(row)] as number,
    join(a: number, b: number, similarity: number): void {
      const [first, second] = [rootOf(a), rootOf(b)].toSorted((x, y) => x - y) as [number, number];
      parents[second] = first;
      least[first] = Math.min(least[first] as number, least[second] as number, similarity);
    },
  };
}

/** Cosine of two rows, four sums at a time so that none waits for the one before. */
function cosine(values: Float32Array, a: number, b: number, dim: number): number {
  let [first, second, third, fourth, at] = [0, 0, 0, 0, 0];
  for (; at + 4 <= dim; at += 4) {
    first += (values[a + at] as number) * (values[b + at] as number);
    second += (values[a + at + 1] as number) * (values[b + at + 1] as number);
    third += (values[a + at + 2] as number) * (values[b + at + 2] as number);
    fourth += (values[a + at + 3] as number) * (values[b + at + 3] as number);
  }
  for (; at < dim; at++) first += (values[a + at] as number) * (values[b + at] as number);
  return first + second + third + fourth;
}

type Join = (a: number, b: number, similarity: number) => void;

/** Compares each row of one block with each that comes before it in another, which may be the same. */
function compareBlocks(
  { values, dim }: { readonly values: Float32Array; readonly dim: number },
  [rows, others]: readonly [readonly [number, number], readonly [number, number]],
  similarity: number,
  join: Join,
): void {
  for (let row = rows[0]; row < rows[1]; row++) {
    for (let other = others[0]; other < Math.min(others[1], row); other++) {
      const found = cosine(values, row * dim, other * dim, dim);
      if (found >= similarity) join(row, other, found);
    }
  }
}

function assertSimilarity(similarity: number): void {
  if (similarity > 0 && similarity <= 1) return;
  throw new ClipError("bad-argument", `Expected a similarity above 0 and at most 1; got ${shown(similarity)}.`);
}

/**
 * Groups of rows of which each is at least `similarity` like another of its group, largest groups first, then by their
 * first id. Every row is compared with every other: the time grows with the square of the rows (20,000 of 512 values
 * are 10^11 products); memory is that of the vectors as f32. Leaves the thread to others now and then.
 * @throws ClipError "bad-argument" for a similarity that is not above 0 and at most 1.
 */
export async function nearDuplicates(index: VectorIndex, options: DuplicateOptions): Promise<DuplicateGroup[]> {
  assertSimilarity(options.similarity);
  // A row and its copy are found at 1, however their sums were rounded.
  const similarity = Math.min(options.similarity, 1 - 1e-6);
  const { ids, values } = await readRows(index);
  const sets = createSets(ids.length);
  const pause = createYield();
  for (let start = 0; start < ids.length; start += blockRows) {
    const end = Math.min(start + blockRows, ids.length);
    for (let other = 0; other < end; other += blockRows) {
      const blocks = [
        [start, end],
        [other, other + blockRows],
      ] as const;
      compareBlocks({ values, dim: index.dim }, blocks, similarity, sets.join);
      await pause();
    }
    options.onProgress?.(end);
  }
  const groups = new Map<number, number[]>();
  for (const row of ids.keys()) {
    const root = sets.rootOf(row);
    const group = groups.get(root);
    if (group === undefined) groups.set(root, [row]);
    else group.push(row);
  }
  return [...groups]
    .filter(([, rows]) => rows.length > 1)
    .map(([root, rows]) => ({
      ids: rows.map((row) => ids[row] as string).toSorted(compareIds),
      similarity: Math.min(1, sets.leastOf(root)),
    }))
    .toSorted((a, b) => b.ids.length - a.ids.length || compareIds(a.ids[0] as string, b.ids[0] as string));
}
