import type { Schemas } from "@qdrant/js-client-rest";
import type { FieldKinds, Fields, FieldValue, IndexRows, StoredRow } from "../vector-index.ts";
import { pointIds } from "./point-id.ts";
import { beginningsOf, prefixKey } from "./prefixes.ts";

/** Where a point keeps its row's id. */
export const idKey = "id";

/** A row's fields, of which nulls are left out, with what filters need beside them. */
function payloadOf(id: string, fields: Fields): Record<string, unknown> {
  const payload: Record<string, unknown> = { [idKey]: id };
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) continue;
    payload[name] = value;
    if (typeof value === "string") payload[prefixKey(name)] = beginningsOf(value);
  }
  return payload;
}

/** Nine digits tell every f32 from the next one, in half the characters of the double it is for JavaScript. */
const digits = 9;

/** Rows as Qdrant takes them. */
export async function pointsOf(
  { ids, vectors, fields }: IndexRows,
  [start, end]: readonly [number, number],
): Promise<Schemas["PointStruct"][]> {
  const uuids = await pointIds(ids.slice(start, end));
  return uuids.map((id, at) => {
    const row = start + at;
    const values = vectors.values.subarray(row * vectors.dim, (row + 1) * vectors.dim);
    return {
      id,
      vector: Array.from(values, (value) => Number(value.toPrecision(digits))),
      payload: payloadOf(ids[row] as string, fields[row] as Fields),
    };
  });
}

/** What a request for payloads names. */
export const payloadKeys = (kinds: FieldKinds): string[] => [idKey, ...Object.keys(kinds)];

/** A value as it came: the client makes a BigInt of a whole number beyond 2^53. */
function valueOf(value: unknown): FieldValue {
  return typeof value === "bigint" ? Number(value) : ((value ?? null) as FieldValue);
}

/** A point as its row. */
export function rowOf(
  kinds: FieldKinds,
  {
    payload,
    vector,
  }: { readonly payload?: Schemas["Payload"] | Record<string, unknown> | null; readonly vector?: unknown },
): StoredRow {
  const kept = (payload ?? {}) as Readonly<Record<string, unknown>>;
  const fields = Object.keys(kinds).map((name): [string, FieldValue] => [name, valueOf(kept[name])]);
  return {
    id: kept[idKey] as string,
    fields: Object.fromEntries(fields),
    ...(Array.isArray(vector) ? { vector: Float32Array.from(vector as number[]) } : {}),
  };
}
