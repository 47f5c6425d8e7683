import type { Fields, VectorIndex } from "@clip-ts/search";

/** Rows that are gathered, since a store takes many at once far faster than one by one. */
export interface RowWriter {
  /** Takes a picture's vector, [dim], and its fields. */
  add(id: string, vector: Float32Array, fields: Fields): Promise<void>;
  /** Brings what was gathered to the store: from then on it is kept, whatever becomes of the process. */
  flush(): Promise<void>;
}

/** Most milliseconds of work that a process which is killed loses. */
const mostMs = 10_000;

/** Nothing is gathered yet. At `mostRows` rows, or after ten seconds, what is gathered goes to the store. */
export function createRowWriter(vectors: VectorIndex, mostRows: number): RowWriter {
  const { dim } = vectors;
  const values = new Float32Array(mostRows * dim);
  let [ids, fields]: [string[], Fields[]] = [[], []];
  let since = performance.now();
  const flush = async (): Promise<void> => {
    const rows = ids.length;
    if (rows > 0) await vectors.add({ ids, vectors: { values: values.slice(0, rows * dim), rows, dim }, fields });
    [ids, fields] = [[], []];
    since = performance.now();
  };
  return {
    flush,
    async add(id, vector, own) {
      values.set(vector, ids.length * dim);
      ids.push(id);
      fields.push(own);
      if (ids.length === mostRows || performance.now() - since > mostMs) await flush();
    },
  };
}
