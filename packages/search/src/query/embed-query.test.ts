import type { FeatureRows } from "@clip-ts/core";
import { describe, expect, test } from "vitest";
import { embedQuery, type QueryEmbedders } from "./embed-query.ts";
import { parseQuery } from "./parse-query.ts";

/** Unit rows by name, in a plane. */
const known: Readonly<Record<string, readonly [number, number]>> = {
  east: [1, 0],
  north: [0, 1],
  west: [-1, 0],
  nan: [Number.NaN, 0],
};

/** Embedders that note what they were asked for. */
function planeEmbedders(): { embedders: QueryEmbedders; asked: (readonly string[])[] } {
  const asked: (readonly string[])[] = [];
  const embed = async (names: readonly string[]): Promise<FeatureRows> => {
    asked.push(names);
    return { values: Float32Array.from(names.flatMap((name) => known[name] ?? [0, 0])), rows: names.length, dim: 2 };
  };
  return { embedders: { texts: embed, pictures: embed }, asked };
}

describe("embedQuery", () => {
  test("adds unit rows by weight, to length 1, in one call a kind", async () => {
    const { embedders, asked } = planeEmbedders();
    const vector = await embedQuery(parseQuery('3:"east" + 2:north + @north + 1:east - @west'), embedders);
    expect(asked).toEqual([
      ["north", "west"],
      ["east", "north"],
    ]);
    expect([...vector]).toEqual([5 / Math.hypot(5, 3), 3 / Math.hypot(5, 3)].map(Math.fround));
  });

  test.each([
    ["north - north", /cancel each other out/u],
    ["500:east + 500:west + 0.1:north", /cancel each other out/u],
    ["nan", /not finite/u],
    ["@id:3", /no index/u],
  ])("refuses %s", async (query, reason) => {
    await expect(embedQuery(parseQuery(query), planeEmbedders().embedders)).rejects.toThrow(reason);
  });

  test("says so where pictures cannot be read", async () => {
    const { texts } = planeEmbedders().embedders;
    await expect(embedQuery(parseQuery("@a.png"), { texts })).rejects.toThrow(/pictures cannot be read here/u);
  });

  test("refuses rows that are too few", async () => {
    const texts = async (): Promise<FeatureRows> => ({ values: new Float32Array(2), rows: 1, dim: 2 });
    await expect(embedQuery(parseQuery("a + b"), { texts })).rejects.toThrow(/expected 2 rows of features, got 1/u);
  });
});
