import { resolve, sep } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pathOfShard, shardPaths } from "./shard-files.ts";

const names = fc.oneof(
  fc.string(),
  fc
    .array(fc.constantFrom("a", "B", ".", "..", "", "text", "x.text", "%2E", "%", ":", "é", "\n"))
    .map((parts) => parts.join("/")),
);

test("names that are usual stay as they are, folders too", () => {
  for (const name of ["00017", "cc12m/00017", "shard.00000", "pairs/0", "bilder/größe 東京"]) {
    expect(pathOfShard(name)).toBe(name);
  }
  expect(pathOfShard("../a")).toBe("%2E%2E/a");
  expect(pathOfShard("/etc/a.text")).toBe("%/etc/a%2Etext");
});

test("every file of a shard lies in the folder, under a name that systems take", () => {
  fc.assert(
    fc.property(names, (name) => {
      for (const path of Object.values(shardPaths("out", name))) {
        expect(resolve(path).startsWith(resolve("out") + sep)).toBe(true);
        expect(pathOfShard(name)).not.toMatch(/[\0-\u001F<>:"|?*\\]/);
      }
    }),
  );
});

test("no two names share a file", () => {
  fc.assert(
    fc.property(fc.uniqueArray(names, { maxLength: 30 }), (some) => {
      const paths = some.flatMap((name) => Object.values(shardPaths("out", name)));
      expect(new Set(paths).size).toBe(paths.length);
    }),
  );
});
