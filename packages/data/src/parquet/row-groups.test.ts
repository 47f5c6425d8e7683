import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ByteReader } from "../byte-reader.ts";
import { openParquet } from "./open-parquet.ts";
import type { RowImage } from "./row-groups.ts";
import type { ParquetColumns } from "./parquet-columns.ts";

/** Written by tools/peers/make_shard_fixtures.py with pyarrow. */
const folder = new URL("../fixtures/shards/", import.meta.url);
const fixture = (name: string): Uint8Array => readFileSync(new URL(name, folder));
const told = JSON.parse(readFileSync(new URL("shards.json", folder), "utf8")) as {
  readonly parquets: Readonly<
    Record<string, readonly { readonly text: string | null; readonly image: string | null }[]>
  >;
};

function readerOf(bytes: Uint8Array): ByteReader {
  return { size: bytes.byteLength, read: async (offset, length) => bytes.slice(offset, offset + length) };
}

async function read(name: string, columns: ParquetColumns = {}) {
  const bytes = fixture(name);
  const file = await openParquet(readerOf(bytes), name, columns);
  const [texts, images]: [unknown[], RowImage[]] = [[], []];
  for (const index of file.rows.keys()) {
    const group = file.rowGroup(index);
    texts.push(...(await group.texts()));
    for await (const image of group.images()) images.push(image);
  }
  return { rows: file.rows, texts, images, bytes };
}
const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString("hex");

test.each(["snappy", "zstd", "gzip", "brotli", "lz4", "none"])(
  "what datasets writes is read in full: %s",
  async (codec) => {
    const { rows, texts, images, bytes } = await read(`${codec}.parquet`);
    const expected = told.parquets[`${codec}.parquet`] ?? [];
    expect(rows).toEqual([4, 4, 2]);
    expect(texts).toEqual(expected.map(({ text }) => (text === null ? {} : { text })));
    const found = images.map((image) => {
      if (image === undefined || typeof image === "string") return null;
      // what is not packed is left in the file, and said where
      expect("offset" in image).toBe(codec === "none");
      return hex("offset" in image ? bytes.subarray(image.offset, image.offset + image.length) : image);
    });
    expect(found).toEqual(expected.map(({ image }) => image));
  },
);

test("lists of captions have numbers; plain bytes are images", async () => {
  const { texts, images } = await read("lists.parquet");
  expect(texts).toEqual([
    { "captions.0": "one", "captions.1": "two", TEXT: "a" },
    { TEXT: "b" },
    { TEXT: "c" },
    { "captions.0": "three", TEXT: "d" },
    { "captions.0": "four", TEXT: "e" },
  ]);
  expect(images.filter((image) => image !== undefined)).toHaveLength(5);
  expect((await read("lists.parquet", { captions: ["captions.0"] })).texts[0]).toEqual({
    "captions.0": "one",
    "captions.1": "two",
  });
});

test("a column of texts is one of paths", async () => {
  const { texts, images } = await read("paths.parquet");
  expect(images).toEqual(["a.jpg", "sub/b.jpg", undefined]);
  expect(texts).toEqual([{ caption: "A" }, { caption: "B" }, { caption: "C" }]);
});

test("a row group of more than 1 GiB is refused with how to write it again", async () => {
  // 1,100 images of 1 MiB, all zeros
  const file = await openParquet(readerOf(fixture("large.parquet")), "large.parquet", {});
  expect(file.rows).toEqual([1100]);
  expect(() => file.rowGroup(0)).toThrow(/row group 0 has 11\d{8} bytes of images.*row_group_size=100/);
});

test("columns that are not there are refused with those that are", async () => {
  await expect(read("paths.parquet", { image: "picture" })).rejects.toThrow(
    /paths\.parquet: expected a column of images.*\["picture"\]; it has \["image_path","caption"\]/,
  );
  await expect(openParquet(readerOf(Buffer.from("PAR1 nothing")), "x.parquet", {})).rejects.toThrow(
    /x\.parquet cannot be read as Parquet/,
  );
});

test("a page that lacks the facts of its kind is refused, where a decoder would never end", async () => {
  await expect(read("page-without-facts.parquet")).rejects.toThrow(
    /a page's num_values is undefined, expected a number/,
  );
});
