import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { ClipError, shown } from "@clip-ts/base";
import {
  createTally,
  openTableBlock,
  usualImageColumns,
  type OpenShard,
  type RowRange,
  type Shard,
  type TableForm,
  type TableScan,
} from "@clip-ts/data";
import { openFile, writeFileWhole } from "@clip-ts/files";
import { createHeldImages } from "./held-images.ts";
import { scanOnce } from "./kept-scan.ts";
import { namePart } from "./places.ts";
import type { SetContext } from "./set-context.ts";
import type { HeldFile } from "./shard-store.ts";
import type { FoundShards, NamedFile } from "./tar-shards.ts";

/** Tables that stay held for as long as their set is open. */
export interface FoundTables extends FoundShards {
  release(): void;
}

/** The path of a table as it is read by parts: itself, or unpacked once into the cache folder. */
async function unpackedPath(place: string, held: HeldFile, { cacheFolder }: SetContext): Promise<string> {
  if (!/\.gz$/i.test(namePart(place))) return held.path;
  if (cacheFolder === undefined) {
    throw new ClipError("unsupported", `${place} is packed by gzip: unpack it (gunzip), or give a cacheFolder for it`);
  }
  const hash = createHash("sha256").update(`${place}\n${held.bytes}\n${held.version}`).digest("hex").slice(0, 16);
  const path = join(cacheFolder, "tables", `${hash}-${namePart(place).replace(/\.gz$/i, "")}`);
  if (
    await stat(path).then(
      () => true,
      () => false,
    )
  )
    return path;
  await mkdir(join(cacheFolder, "tables"), { recursive: true });
  const gunzip = createGunzip();
  try {
    await Promise.all([writeFileWhole(path, gunzip), pipeline(createReadStream(held.path), gunzip)]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError("bad-data", `${place} cannot be unpacked, gzip says: ${reason}`, { cause });
  }
  return path;
}

/** A table that can be read by parts. */
interface OpenTable extends NamedFile, TableForm {
  readonly path: string;
  readonly scan: TableScan;
}

/** One block of it, and the number of its first row. */
interface BlockPlace extends RowRange {
  readonly firstRow: number;
}

async function readBlock({ path }: OpenTable, { start, end }: BlockPlace): Promise<Uint8Array> {
  const file = await openFile(path);
  try {
    return await file.read(start, end - start);
  } finally {
    await file.close();
  }
}

async function openBlock(table: OpenTable, place: BlockPlace, context: SetContext): Promise<OpenShard> {
  const { image, store } = context;
  const { columns } = table.scan;
  const shared = { format: table.format, separator: table.separator, quoting: table.quoting };
  const options = { ...shared, label: table.place, columns, firstRow: place.firstRow, image };
  const block = openTableBlock(await readBlock(table, place), options);
  if (!block.isUtf8) {
    const tally = createTally();
    tally.add("not-utf8", `${table.place}, rows from ${place.firstRow + 1} on`, "replaced by U+FFFD");
    context.onLeftOut?.(table.name, tally.list());
  }
  const files = createHeldImages(store);
  return {
    async sample(index) {
      const row = block.row(index);
      const found = "reason" in row ? { reason: row.reason } : await files.at(table.place, row.image);
      return { key: `${table.name}/${place.firstRow + index}`, image: found, texts: { texts: row.texts } };
    },
    close: async () => files.release(),
  };
}

/** A header that came out without a column of images was probably cut at the wrong character. */
function checkColumns({ columns }: TableScan, place: string, wanted: readonly string[]): void {
  if (columns.length === 0 || wanted.some((name) => columns.includes(name))) return;
  throw new ClipError(
    "bad-data",
    `${place}: expected a column of paths of images, one of ${shown(wanted)}; it has ${shown(columns)}. Say which by image, ` +
      "or by separator what stands between columns",
    { data: { place, wanted, columns } },
  );
}

async function openTable(file: NamedFile, held: HeldFile, form: TableForm, context: SetContext): Promise<OpenTable> {
  const path = await unpackedPath(file.place, held, context);
  const scan = await scanOnce({ ...form, place: file.place, path, facts: held, cacheFolder: context.cacheFolder });
  checkColumns(scan, file.place, context.image ?? usualImageColumns);
  if (scan.leftOut.length > 0) context.onLeftOut?.(file.name, scan.leftOut);
  return { ...file, ...form, path, scan };
}

function blocksOf(table: OpenTable, context: SetContext): Shard[] {
  let firstRow = 0;
  return table.scan.blocks.map((range, at): Shard => {
    const place = { ...range, firstRow };
    firstRow += range.rows;
    return { name: `${table.name}/${at}`, samples: range.rows, open: () => openBlock(table, place, context) };
  });
}

/**
 * Blocks of 4,096 rows of tables as shards; their images lie in files that the rows name.
 * @throws ClipError "bad-data" for what is no table, "unsupported" for a packed one without a cache folder.
 */
export async function tableShards(
  files: readonly NamedFile[],
  form: TableForm,
  context: SetContext,
): Promise<FoundTables> {
  const held: HeldFile[] = [];
  const release = (): void => held.forEach((file) => file.release());
  const tables: OpenTable[] = [];
  try {
    for (const file of files) {
      const whole = await context.store.hold(file.place);
      held.push(whole);
      tables.push(await openTable(file, whole, form, context));
    }
  } catch (error) {
    release();
    throw error;
  }
  const versions = held.map(({ bytes, version }) => `${bytes} ${version}`);
  return { shards: tables.flatMap((table) => blocksOf(table, context)), versions, release };
}
