import { ClipError } from "@clip-ts/base";
import type * as Arrow from "apache-arrow";
import type { FieldKinds } from "../vector-index.ts";

/** With it, LanceDB refuses a second row of an id also where two processes add the same one at a time. */
const primaryKey: ReadonlyMap<string, string> = new Map([["lance-schema:unenforced-primary-key", "true"]]);

/** The columns of a table: id, vector [dim] and one for each field, which may be null. */
export function schemaOf(arrow: typeof Arrow, dim: number, fields: FieldKinds): Arrow.Schema {
  const { Field, FixedSizeList, Float32, Float64, Schema, Utf8 } = arrow;
  return new Schema([
    new Field("id", new Utf8(), false, new Map(primaryKey)),
    new Field("vector", new FixedSizeList(dim, new Field("item", new Float32(), true)), false),
    ...Object.entries(fields).map(
      ([name, kind]) => new Field(name, kind === "string" ? new Utf8() : new Float64(), true),
    ),
  ]);
}

/** What a column is called in messages; LanceDB hands out types of its own copy of apache-arrow, which have a text. */
function columnsOf(schema: Arrow.Schema): string[] {
  return schema.fields.map((field) => `${field.name} ${String(field.type)}`);
}

/** @throws ClipError "bad-argument" if a table that exists has other columns than are expected. */
export function assertSchema(found: Arrow.Schema, expected: Arrow.Schema, place: string): void {
  const [has, wanted] = [columnsOf(found), columnsOf(expected)];
  if (has.length === wanted.length && wanted.every((column) => has.includes(column))) return;
  throw new ClipError(
    "bad-argument",
    `The index in ${place} has the columns ${has.join(", ")}; expected ${wanted.join(", ")}. ` +
      "Open it with its own width and fields, or take another folder.",
  );
}
