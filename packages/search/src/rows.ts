import { ClipError, shown } from "@clip-ts/base";
import { assertFilter, completeFields } from "./fields.ts";
import { assertDistinctIds } from "./ids.ts";
import type { FieldKinds, IndexRows, SearchRequest } from "./vector-index.ts";

/** How far from 1 the length of a unit vector may be: that of one rounded to half precision is off by less. */
const lengthTolerance = 1e-3;
/** Lengths this near to 1 are those of unit vectors in single precision. */
const lengthRounding = 1e-6;

function refuse(message: string): never {
  throw new ClipError("bad-argument", message);
}

/** @throws ClipError "bad-argument" for a width that no vector has. */
export function assertDim(dim: number): void {
  if (!Number.isInteger(dim) || dim < 1) refuse(`Expected a whole number of values of a vector; got ${shown(dim)}.`);
}

/** The length of a vector among others. @throws ClipError "bad-argument" if it is not about 1. */
function unitLength(values: Float32Array, start: number, dim: number, whose: () => string): number {
  let squares = 0;
  for (let at = start; at < start + dim; at++) squares += (values[at] as number) * (values[at] as number);
  const length = Math.sqrt(squares);
  if (Math.abs(length - 1) <= lengthTolerance) return length;
  return refuse(`${whose()} has the length ${length}; expected a unit vector. Divide it by its length first.`);
}

/**
 * The same vectors, those rounded to few bits brought back to length 1, so that dot products and distances are those
 * of their cosines. What needs nothing is given as it is, not copied.
 */
function withUnitLength(values: Float32Array, dim: number, whose: (row: number) => string): Float32Array {
  let unit = values;
  for (let row = 0; row < values.length / dim; row++) {
    const length = unitLength(values, row * dim, dim, () => whose(row));
    if (Math.abs(length - 1) <= lengthRounding) continue;
    if (unit === values) unit = values.slice();
    for (let at = row * dim; at < (row + 1) * dim; at++) unit[at] = (values[at] as number) / length;
  }
  return unit;
}

/**
 * Checks what is to be added; gives it with vectors of length 1 and null for each field that is missing.
 * @throws ClipError "bad-argument" for lists of different lengths, ids that repeat, vectors of another width or
 * length, and fields that the index does not have.
 */
export function checkedRows(index: { readonly dim: number; readonly fields: FieldKinds }, rows: IndexRows): IndexRows {
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
  const values = withUnitLength(vectors.values, vectors.dim, (row) => `The vector of the row ${shown(ids[row])}`);
  return {
    ids,
    vectors: { ...vectors, values },
    fields: fields.map((one, row) => completeFields(index.fields, one, ids[row] as string)),
  };
}

/**
 * Checks a request; gives what is searched for, of length 1.
 * @throws ClipError "bad-argument" for a vector or request that the index cannot answer.
 */
export function checkedQuery(
  index: { readonly dim: number; readonly fields: FieldKinds },
  vector: Float32Array,
  { count, filter = [] }: SearchRequest,
): Float32Array {
  if (!(vector instanceof Float32Array)) refuse(`Expected a Float32Array to search for; got ${shown(vector)}.`);
  if (vector.length !== index.dim) {
    refuse(`The index holds vectors of ${index.dim} values; what is searched for has ${vector.length}.`);
  }
  if (!Number.isInteger(count) || count < 1) refuse(`Expected a count of 1 or more rows; got ${shown(count)}.`);
  assertFilter(index.fields, filter);
  return withUnitLength(vector, index.dim, () => "What is searched for");
}
