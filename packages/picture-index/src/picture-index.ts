import { ClipError } from "@clip-ts/base";
import type { Background, VectorIndex } from "@clip-ts/search";
import { readBackground } from "./background-file.ts";
import { readRecord, type IndexRecord } from "./index-record.ts";
import { openStore } from "./stores.ts";

/** An index of pictures, open. */
export interface PictureIndex {
  readonly folder: string;
  readonly record: IndexRecord;
  readonly vectors: VectorIndex;
  /** Absent where the model reads no texts or the index is not finished. */
  readonly background?: Background;
  close(): Promise<void>;
}

/**
 * Opens the index in a folder to be searched, also while another process updates it: rows that come meanwhile are seen
 * when it is opened again, or at once, as the store has it. @throws ClipError "not-found" or "bad-data" that says what to do.
 */
export async function openPictureIndex(folder: string): Promise<PictureIndex> {
  const record = await readRecord(folder);
  if (record === undefined) {
    throw new ClipError(
      "not-found",
      `There is no index in ${folder}. Make one: clip-ts index MODEL PICTURES -o ${folder}`,
      { data: { folder } },
    );
  }
  const background = await readBackground(folder, record);
  const vectors = await openStore(folder, record, "read");
  return {
    folder,
    record,
    vectors,
    ...(background !== undefined && { background }),
    close: () => vectors.close(),
  };
}
