import { ClipError, shown } from "@clip-ts/base";
import { assertFilter, completeFields } from "./fields.ts";
import { assertDistinctIds } from "./ids.ts";
import type { FieldKinds, Fields, IndexRows, SearchRequest } from "./vector-index.ts";

/** How far from 1 the length of a unit vector may be: that of one rounded to half precision is off by less. */
const lengthTolerance = 1e-3;

function refuse(message: string): never {
  throw new ClipError("bad-argument", message);
}

/** @throws ClipError "bad-argument" for a width that no vector has. */
export function assertDim(dim: number): void {
  if (!Number.isInteger(dim) || dim < 1) refuse(`Expected a whole number of values of a vector; got ${shown(dim)}.`);
}

function assertUnit(values: Float32Array, start: number, dim: number, whose: () => string): void {
  let squares = 0;
  for (let at = start; at < start + dim; at++) squares += (values[at] as number) * (values[at] as number);
  const length = Math.sqrt(squares);
  if (Math.abs(length - 1) <= lengthTolerance) return;
  refuse(`${whose()} has the length ${length}; expected a unit vector. Divide it by its length first.`);
}

/**
 * Checks what is to be added; gives the rows' fields with null for each that is missing.
 * @throws ClipError "bad-argument" for lists of different lengths, ids that repeat, vectors of another width or
 * length, and fields that the index does not have.
 */
export function checkedRows(index: { readonly dim: number; readonly fields: FieldKinds }, rows: IndexRows): Fields[] {
  const { ids, vectors, fields } = rows;
  assertDistinctIds(ids);
  if (vectors.dim !== index.dim) {
    refuse(`The index holds vectors of ${index.dim} values; these have ${shown(vectors.dim)}.`);
  }
  if (vectors.rows !== ids.length || fields.length !== ids.length) {
    refuse(`Expected as many vectors and fields as ids, ${ids.length}; got ${vectors.rows} and ${fields.length}.`);
  }
  if (!(vectors.values instanceof Float32Array) || vectors.values.length !== vectors.rows * vectors.dim) {
    refuse(`Expected ${vectors.rows} x ${vectors.dim} values in a Float32Array; got ${shown(vectors.values?.length)}.`);
  }
  for (const [row, id] of ids.entries()) {
    assertUnit(vectors.values, row * vectors.dim, vectors.dim, () => `The vector of the row ${shown(id)}`);
  }
  return fields.map((one, row) => completeFields(index.fields, one, ids[row] as string));
}

/** @throws ClipError "bad-argument" for a vector or request that the index cannot answer. */
export function assertRequest(
  index: { readonly dim: number; readonly fields: FieldKinds },
  vector: Float32Array,
  { count, filter = [] }: SearchRequest,
): void {
  if (!(vector instanceof Float32Array)) refuse(`Expected a Float32Array to search for; got ${shown(vector)}.`);
  if (vector.length !== index.dim) {
    refuse(`The index holds vectors of ${index.dim} values; what is searched for has ${vector.length}.`);
  }
  assertUnit(vector, 0, index.dim, () => "What is searched for");
  if (!Number.isInteger(count) || count < 1) refuse(`Expected a count of 1 or more rows; got ${shown(count)}.`);
  assertFilter(index.fields, filter);
}
