import type { FieldKinds, Fields, FieldValue } from "../vector-index.ts";
import type { Vectors } from "./vectors.ts";

/** One field of all rows: numbers with NaN, texts with null where a row has none. */
export type Column = Float64Array | readonly (string | null)[];

/** What one call of `add` or `remove` did, or several in a row together. Nothing in it changes but `diedAt`. */
export interface Block {
  /** Its place in the order of changes: a later one wins. Merged ones stand for all from `first` to `last`. */
  readonly first: number;
  readonly last: number;
  /** Ids that it took out, before its own rows came. */
  readonly removed: readonly string[];
  readonly ids: readonly string[];
  readonly columns: ReadonlyMap<string, Column>;
  readonly vectors: Vectors;
  /** For each row the version of the index that no longer had it; `alive` where it still has. */
  readonly diedAt: Uint32Array;
}

/** Of a row that no change has taken out. */
export const alive = 0xffff_ffff;

/** A row of a block. */
export interface Place {
  readonly block: Block;
  readonly row: number;
}

/** Room for one field of rows. */
export function columnOf(kind: "string" | "number", values: readonly FieldValue[]): Column {
  if (kind === "string") return values as readonly (string | null)[];
  return Float64Array.from(values, (value) => (value === null ? Number.NaN : Number(value)));
}

/** The columns of rows whose fields are complete. */
export function columnsOf(kinds: FieldKinds, fields: readonly Fields[]): ReadonlyMap<string, Column> {
  return new Map(
    Object.entries(kinds).map(([name, kind]) => [
      name,
      columnOf(
        kind,
        fields.map((one) => one[name] ?? null),
      ),
    ]),
  );
}

/** A field of a row. */
export function fieldOf(block: Block, name: string, row: number): FieldValue {
  const value = block.columns.get(name)?.[row] ?? null;
  return Number.isNaN(value) ? null : value;
}

/** All fields of a row. */
export function fieldsOf(block: Block, row: number): Fields {
  return Object.fromEntries([...block.columns.keys()].map((name) => [name, fieldOf(block, name, row)]));
}

/** Rows that the index still has. */
export function countAlive({ diedAt }: Block): number {
  let count = 0;
  for (const version of diedAt) if (version === alive) count++;
  return count;
}
