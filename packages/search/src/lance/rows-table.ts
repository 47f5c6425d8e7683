import type * as Arrow from "apache-arrow";
import type * as Lance from "@lancedb/lancedb";
import type { FieldKinds, Fields, FieldValue } from "../vector-index.ts";

/** Rows whose fields are complete. */
export interface CheckedRows {
  readonly ids: readonly string[];
  /** [rows, dim] */
  readonly values: Float32Array;
  readonly fields: readonly Fields[];
}

/** Arrow's numbers of what a column is made of. */
const buffers = { offsets: 0, data: 1, validity: 2 } as const;

/** Makes the table that LanceDB takes. */
export type RowsTable = (rows: CheckedRows) => Arrow.Table;

/** One bit for each value, 1 where it is there. */
function validity(values: readonly FieldValue[]): { readonly nulls: number; readonly bits: Uint8Array } {
  const bits = new Uint8Array(Math.ceil(values.length / 8));
  let nulls = 0;
  for (const [at, value] of values.entries()) {
    if (value === null) nulls++;
    else bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7));
  }
  return { nulls, bits };
}

/** The texts one behind the other in UTF-8, and where each begins and the last ends. */
function utf8(values: readonly FieldValue[]): { readonly offsets: Int32Array; readonly bytes: Uint8Array } {
  const encoder = new TextEncoder();
  const texts = values.map((value) => encoder.encode(typeof value === "string" ? value : ""));
  const offsets = new Int32Array(values.length + 1);
  for (const [at, text] of texts.entries()) offsets[at + 1] = (offsets[at] as number) + text.length;
  const bytes = new Uint8Array(offsets[values.length] as number);
  for (const [at, text] of texts.entries()) bytes.set(text, offsets[at]);
  return { offsets, bytes };
}

/** The classes of LanceDB's own copy of apache-arrow, taken from a table that it made. */
function classesOf(sample: Arrow.Table): {
  readonly Table: typeof Arrow.Table;
  readonly RecordBatch: typeof Arrow.RecordBatch;
  readonly Data: typeof Arrow.Data;
} {
  const batch = sample.batches[0] as Arrow.RecordBatch;
  return {
    Table: sample.constructor as typeof Arrow.Table,
    RecordBatch: batch.constructor as typeof Arrow.RecordBatch,
    Data: batch.data.constructor as typeof Arrow.Data,
  };
}

/**
 * What makes tables of a schema from rows without copying their vectors. LanceDB is CommonJS and reads only what its
 * own copy of apache-arrow made; `import "apache-arrow"` is another one, of whose lists it loses the values.
 */
export function rowsTableOf(
  lance: typeof Lance,
  schema: Arrow.Schema,
  { dim, fields: kinds }: { readonly dim: number; readonly fields: FieldKinds },
): RowsTable {
  const blank = Object.fromEntries(schema.fields.map(({ name }) => [name, null]));
  const sample = lance.makeArrowTable([{ ...blank, id: "", vector: Array.from({ length: dim }, () => 0) }], { schema });
  const { Table, RecordBatch, Data } = classesOf(sample);
  const column = ({ name, type }: Arrow.Field, values: readonly FieldValue[]): Arrow.Data => {
    const { nulls, bits } = validity(values);
    if (kinds[name] === "number") {
      // LanceDB tells -0 from 0; adding 0 makes them the same.
      const numbers = Float64Array.from(values, (value) => (typeof value === "number" ? value + 0 : 0));
      return new Data(type, 0, values.length, nulls, { [buffers.data]: numbers, [buffers.validity]: bits });
    }
    const { offsets, bytes } = utf8(values);
    return new Data(type, 0, values.length, nulls, {
      [buffers.offsets]: offsets,
      [buffers.data]: bytes,
      [buffers.validity]: bits,
    });
  };
  const vectors = (type: Arrow.DataType, values: Float32Array): Arrow.Data => {
    const item = type.children[0] as Arrow.Field;
    const items = new Data(item.type, 0, values.length, 0, { [buffers.data]: values });
    return new Data(type, 0, values.length / dim, 0, {}, [items]);
  };
  return ({ ids, values, fields }) => {
    const children = schema.fields.map((field) => {
      const { name } = field;
      if (name === "vector") return vectors(field.type, values);
      return column(field, name === "id" ? ids : fields.map((row) => row[name] ?? null));
    });
    const struct = (sample.batches[0] as Arrow.RecordBatch).data.type;
    return new Table(schema, [new RecordBatch(schema, new Data(struct, 0, ids.length, 0, {}, children))]);
  };
}
