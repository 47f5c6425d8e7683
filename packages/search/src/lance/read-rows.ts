import type * as Arrow from "apache-arrow";
import type { FieldKinds, Fields, FieldValue, StoredRow } from "../vector-index.ts";

/** A column of an answer. */
type Column = { get(row: number): unknown } | null;

function fieldsOf(columns: readonly (readonly [string, Column])[], row: number): Fields {
  return Object.fromEntries(columns.map(([name, column]) => [name, (column?.get(row) ?? null) as FieldValue]));
}

/** What makes a row of an answer's rows. */
export type RowReader = (row: number) => StoredRow;

/** Reads rows of an answer; vectors are copies, if the answer has them. */
export function rowReader(answer: Arrow.Table, fields: FieldKinds): RowReader {
  const ids = answer.getChild("id") as Column;
  const vectors = answer.getChild("vector") as Column;
  const columns = Object.keys(fields).map((name) => [name, answer.getChild(name) as Column] as const);
  return (row) => {
    const vector = vectors?.get(row) as { toArray(): Float32Array } | null | undefined;
    return {
      id: ids?.get(row) as string,
      fields: fieldsOf(columns, row),
      ...(vector == null ? {} : { vector: vector.toArray().slice() }),
    };
  };
}
