import type { Texts } from "@clip-ts/data";

/** What is kept of a sample beside its tar. */
export interface CaptionRow {
  readonly key: string;
  readonly width: number;
  readonly height: number;
  /** The one that training takes if nothing else is said; null without any. */
  readonly caption: string | null;
  readonly texts: Texts;
}

const fixed: ReadonlySet<string> = new Set(["key", "width", "height", "caption"]);

/**
 * A Parquet file of rows: `key`, `width`, `height`, `caption`, then a column for each name of a text (one that is called
 * like one of these is left to `caption`), in the order of the alphabet.
 */
export async function captionTable(rows: readonly CaptionRow[]): Promise<Uint8Array> {
  const { parquetWriteBuffer } = await import("hyparquet-writer");
  const names = new Set(rows.flatMap(({ texts }) => Object.keys(texts)));
  const own = [...names].filter((name) => !fixed.has(name)).toSorted();
  const column = (name: string, data: (string | null)[]) => ({ name, data, type: "STRING" as const, nullable: true });
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: "key", data: rows.map(({ key }) => key), type: "STRING", nullable: false },
      { name: "width", data: rows.map(({ width }) => width), type: "INT32", nullable: false },
      { name: "height", data: rows.map(({ height }) => height), type: "INT32", nullable: false },
      column(
        "caption",
        rows.map(({ caption }) => caption),
      ),
      ...own.map((name) =>
        column(
          name,
          rows.map(({ texts }) => (Object.hasOwn(texts, name) ? (texts[name] ?? null) : null)),
        ),
      ),
    ],
  });
  return new Uint8Array(buffer);
}
