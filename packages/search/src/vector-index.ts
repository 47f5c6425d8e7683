import type { FeatureRows } from "@clip-ts/core";

/** What a field of a row may hold; null where the row has none. */
export type FieldValue = string | number | null;

/** What is kept beside a vector, by name. */
export type Fields = Readonly<Record<string, FieldValue>>;

/** The fields of an index, settled when it is made. */
export type FieldKinds = Readonly<Record<string, "string" | "number">>;

/** A condition on one field. A row without the field meets "not-equal" alone. */
export type Condition =
  | { readonly field: string; readonly is: "equal" | "not-equal"; readonly value: string | number }
  | { readonly field: string; readonly is: "less" | "at-most" | "more" | "at-least"; readonly value: number }
  | { readonly field: string; readonly is: "one-of"; readonly values: readonly (string | number)[] }
  | { readonly field: string; readonly is: "starts-with"; readonly value: string };

/** Conditions that all have to hold; none at all holds for every row. */
export type Filter = readonly Condition[];

/** Rows to be put into an index. */
export interface IndexRows {
  /** Each once. A row of an id that the index holds takes its place. */
  readonly ids: readonly string[];
  /** [rows, dim]; each of length 1. */
  readonly vectors: FeatureRows;
  /** One for each row. */
  readonly fields: readonly Fields[];
}

/** A row that was found. */
export interface Hit {
  readonly id: string;
  /** Cosine of the row and what was asked for. */
  readonly similarity: number;
  readonly fields: Fields;
}

/** What is asked of a search. */
export interface SearchRequest {
  /** Most rows that are returned. */
  readonly count: number;
  readonly filter?: Filter;
  /** Compare with every row, whatever structure the index has; flat ones always do. */
  readonly isExact?: boolean;
}

/** A row as it is stored. */
export interface StoredRow {
  readonly id: string;
  readonly fields: Fields;
  /** [dim]; only where it was asked for. Of an int8 index what its bytes stand for. */
  readonly vector?: Float32Array;
}

/**
 * Unit vectors by id, with fields beside them, of which the nearest to a query are found by cosine. What `add` and
 * `remove` changed is kept, whatever becomes of the process, once their promise resolves.
 */
export interface VectorIndex {
  /** "flat", "lance" or "qdrant". */
  readonly kind: string;
  /** Values of a vector. */
  readonly dim: number;
  readonly fields: FieldKinds;
  /** Rows that meet the conditions. */
  count(filter?: Filter): Promise<number>;
  /** @throws ClipError "bad-argument" for vectors of another width or length, or fields that the index does not have. */
  add(rows: IndexRows): Promise<void>;
  /** Takes rows out; ids that the index does not hold are passed over. */
  remove(ids: readonly string[]): Promise<void>;
  /** The nearest rows, best first, the smaller id first of equal ones. */
  search(vector: Float32Array, request: SearchRequest): Promise<Hit[]>;
  /** The rows of these ids, in their order; those that the index does not hold are left out. */
  get(ids: readonly string[], options?: { readonly withVectors?: boolean }): Promise<StoredRow[]>;
  /** Every row, some at a time, in the order of ids. */
  scan(options?: { readonly filter?: Filter; readonly withVectors?: boolean }): AsyncIterable<readonly StoredRow[]>;
  /** Brings the index into the form that searches fastest and takes the least room; hears nothing of rows. */
  compact(): Promise<void>;
  close(): Promise<void>;
}
