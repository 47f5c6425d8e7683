import type * as Lance from "@lancedb/lancedb";
import type { FieldKinds } from "../vector-index.ts";
import type { LanceLibraries } from "./load.ts";
import { withRetries } from "./retry.ts";
import { assertSchema, schemaOf } from "./schema.ts";

/** The table in the folder. */
const tableName = "rows";

/** What the parts of an opened index share. */
export interface OpenTable {
  readonly lance: typeof Lance;
  readonly table: Lance.Table;
  readonly place: string;
  readonly dim: number;
  readonly fields: FieldKinds;
}

/**
 * Opens the table of a folder, or makes it.
 * @throws ClipError "bad-argument" if it has other columns, "bad-data" if it cannot be read or made
 */
export async function openTable(
  { lance, arrow }: LanceLibraries,
  { place, dim, fields }: Pick<OpenTable, "place" | "dim" | "fields">,
): Promise<Lance.Table> {
  return withRetries(place, async () => {
    // Looks for what other openings changed at every read.
    const connection = await lance.connect(place, { readConsistencyInterval: 0 });
    const expected = schemaOf(arrow, dim, fields);
    const names = await connection.tableNames();
    if (!names.includes(tableName)) {
      await connection.createEmptyTable(tableName, expected, { mode: "create", existOk: true });
    }
    const table = await connection.openTable(tableName);
    assertSchema(await table.schema(), expected, place);
    return table;
  });
}
