import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "@clip-ts/base";
import { scanTable, type TableForm, type TableScan } from "@clip-ts/data";
import { openFile, writeFileWhole } from "@clip-ts/files";
import type { FileFacts } from "./shard-store.ts";

/** A table that is on this machine, and how it is written. */
export interface ScannedTable extends TableForm {
  readonly place: string;
  /** Where its bytes can be read. */
  readonly path: string;
  readonly facts: FileFacts;
  readonly cacheFolder?: string | undefined;
}

/** A scan of one table in one state and form has one name. */
function keptPath({ place, facts, format, separator, quoting, cacheFolder = "" }: ScannedTable): string {
  const what = JSON.stringify([place, facts.bytes, facts.version, format, separator, quoting]);
  return join(cacheFolder, "tables", `${createHash("sha256").update(what).digest("hex").slice(0, 16)}.rows`);
}

const sumOf = (json: string): string => crc32(new TextEncoder().encode(json)).toString(16).padStart(8, "0");

/** A checksum, then JSON; undefined for what is damaged or not there. */
async function readKept(path: string): Promise<TableScan | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  const json = text.slice(8);
  return json !== "" && text.startsWith(sumOf(json)) ? (JSON.parse(json) as TableScan) : undefined;
}

/**
 * Where the rows of a table lie, as it was found out once for this state of the file, where there is a cache folder.
 * @throws ClipError as `scanTable` does.
 */
export async function scanOnce(table: ScannedTable): Promise<TableScan> {
  const kept = table.cacheFolder === undefined ? undefined : keptPath(table);
  const known = kept === undefined ? undefined : await readKept(kept);
  if (known !== undefined) return known;
  const source = await openFile(table.path);
  try {
    const scan = await scanTable(source, table.place, table);
    if (kept === undefined) return scan;
    const json = JSON.stringify(scan);
    await mkdir(dirname(kept), { recursive: true });
    await writeFileWhole(kept, sumOf(json) + json);
    return scan;
  } finally {
    await source.close();
  }
}
