import { expect, test } from "vitest";
import { shardKindOf, shardKindOfFolder } from "./shard-kinds.ts";

test.each([
  ["00000.tar", "webdataset"],
  ["shards/{00000..00099}.tar", "webdataset"],
  ["shards/{a.tar,b.TAR}", "webdataset"],
  ["https://host/{0..9}.tar?sig=a/b.csv#top", "webdataset"],
  ["s3://bucket/part-*.parquet", "parquet"],
  ["a.pq", "parquet"],
  ["pairs.csv.gz", "csv"],
  ["pairs.tsv", "tsv"],
  ["pairs.ndjson", "jsonl"],
  ["train/index.json", "mds"],
  [String.raw`C:\train\index.json`, "mds"],
  ["notindex.json", undefined],
  ["what?.tar", "webdataset"],
  ["a.tar?x", undefined],
  ["a.tar.gz", undefined],
  ["images/", undefined],
  ["photo.jpg", undefined],
])("%s is %s by its name", (path, kind) => {
  expect(shardKindOf(path)).toBe(kind);
});

test.each([
  [["a.txt", "index.json", "shard.00000.mds"], "mds"],
  [["shard.00000.mds"], "mds"],
  [["00000.parquet", "00000.tar", "00000_stats.json"], "webdataset"],
  [["0.parquet", "README.md"], "parquet"],
  [["a.jpg", "a.txt", "labels.csv"], "folder"],
  [[], "folder"],
])("a folder with %j is %s", (names, kind) => {
  expect(shardKindOfFolder(names)).toBe(kind);
});
