import type { ByteReader } from "../byte-reader.ts";
import type { ParquetColumns } from "./parquet-columns.ts";
import type { ParquetFile } from "./row-groups.ts";

/**
 * Describes a Parquet file by its footer; neither images nor texts are read.
 * @throws ClipError "bad-data" for what is no Parquet file, or has none of the columns.
 */
export async function openParquet(source: ByteReader, label: string, columns: ParquetColumns): Promise<ParquetFile> {
  const { readParquet } = await import("./row-groups.ts"); // most programs open no such file
  return readParquet(source, label, columns);
}
