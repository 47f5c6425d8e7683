import { randomStream } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";
import { describe, expect, test } from "vitest";
import { isBackgroundStale, measureBackground } from "./calibration/background.ts";
import { genericCaptions } from "./calibration/captions.ts";
import { readBackground } from "./calibration/read-background.ts";
import { openFlatIndex } from "./flat/flat-index.ts";
import type { QueryEmbedders } from "./query/embed-query.ts";
import { searchPictures } from "./search-pictures.ts";
import type { VectorIndex } from "./vector-index.ts";

const dim = 48;

/** Where all texts of this model lean to, as those of a CLIP do. */
const lean = directionOf("lean", 0.1);

/** A direction of its own for each name, its length about `size`. */
function directionOf(name: string, size: number): number[] {
  const stream = randomStream(7, name);
  return Array.from({ length: dim }, () => (size * stream.normal()) / Math.sqrt(dim));
}

function unit(values: readonly number[]): number[] {
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

function rowsOf(list: readonly (readonly number[])[]): FeatureRows {
  return { values: Float32Array.from(list.flat()), rows: list.length, dim };
}

const textOf = (words: string): number[] => {
  const own = unit(directionOf(words, 1));
  return unit(own.map((value, k) => value + 8 * (lean[k] as number)));
};

/** A picture of what the words say: their row, with much of its own, away from where texts lean. */
const pictureOf = (words: string): number[] => {
  const [own, rest] = [unit(directionOf(words, 1)), directionOf(`picture ${words}`, 0.8)];
  return unit(own.map((value, k) => value + (rest[k] as number) - 3 * (lean[k] as number)));
};

const embedders: QueryEmbedders = {
  texts: async (texts) => rowsOf(texts.map(textOf)),
  pictures: async (names) => rowsOf(names.map(pictureOf)),
};

async function indexOf(names: readonly string[]): Promise<VectorIndex> {
  const index = await openFlatIndex({ dim, fields: { place: "number" } });
  const fields = names.map((_, place) => ({ place }));
  if (names.length > 0) await index.add({ ids: names, vectors: rowsOf(names.map(pictureOf)), fields });
  return index;
}

const things = (count: number, kind: string): string[] => Array.from({ length: count }, (_, n) => `${kind} ${n}`);

/** Shares of queries for what is absent and what is there that find something. */
async function sharesFound(pictures: readonly string[], rate: number): Promise<{ absent: number; there: number }> {
  const index = await indexOf(pictures);
  const background = await measureBackground(index, embedders, { falsePositiveRate: rate });
  const parts = { index, embedders, background };
  const share = async (queries: readonly string[]): Promise<number> => {
    let fits = 0;
    for (const query of queries) fits += (await searchPictures(parts, query, { count: 1 })).fits ? 1 : 0;
    return fits / queries.length;
  };
  return { absent: await share(things(300, "absent")), there: await share(pictures.slice(0, 100)) };
}

describe("a search that may find nothing", () => {
  test.each([
    [20, 0.05],
    [400, 0.05],
    [400, 0.2],
  ])("keeps its rate in an index of %d pictures: %d", async (count, rate) => {
    const { absent, there } = await sharesFound(things(count, "there"), rate);
    // 300 queries: four standard deviations of a share on either side, and as much for the blends' own chance.
    const spread = 4 * Math.sqrt((rate * (1 - rate)) / 300);
    expect(absent).toBeGreaterThan(Math.max(0, rate - spread - rate / 2));
    expect(absent).toBeLessThan(rate + spread + rate / 2);
    expect(there).toBeGreaterThan(0.8);
  });

  test("finds more than the captions' own best cosines would where every caption fits a picture", async () => {
    const there = things(100, "there");
    const pictures = [...there, ...genericCaptions];
    const found = await sharesFound(pictures, 0.05);
    const index = await indexOf(pictures);
    const bestOf = async (texts: readonly string[]): Promise<number[]> =>
      Promise.all(
        texts.map(async (words) => (await searchPictures({ index, embedders }, words, { count: 1 })).hits),
      ).then((all) => all.map(([hit]) => hit?.similarity ?? Number.NaN));
    const own = (await bestOf(genericCaptions.map((caption) => `"${caption}"`))).toSorted((a, b) => b - a);
    const cutoff = own[Math.floor(0.05 * own.length)] ?? Number.NaN;
    const byCaptions = (await bestOf(there)).filter((cosine) => cosine >= cutoff).length / there.length;
    expect(found.there).toBeGreaterThan(3 * byCaptions);
    expect(found.there).toBeGreaterThan(0.25);
    expect(found.absent).toBeLessThan(0.1);
  });

  test("shows all where it is asked to, and what fits alone where not", async () => {
    const index = await indexOf(things(50, "there"));
    const parts = { index, embedders, background: await measureBackground(index, embedders) };
    const some = await searchPictures(parts, "there 3", { count: 50 });
    const all = await searchPictures(parts, "there 3", { count: 50, showsAll: true });
    const { cutoff = Number.NaN } = some;
    expect(some).toMatchObject({ fits: true, falsePositiveRate: 0.05, cutoff: all.cutoff });
    expect(some.hits[0]?.id).toBe("there 3");
    expect(all.hits).toHaveLength(50);
    expect(some.hits).toEqual(all.hits.filter(({ similarity }) => similarity >= cutoff));
    const nothing = await searchPictures(parts, "absent 3", { count: 50 });
    expect(nothing).toMatchObject({ fits: false, hits: [] });
    const nearest = await searchPictures(parts, "absent 3", { count: 3, showsAll: true });
    expect(nothing.nearest).toEqual(nearest.hits);
    expect([some, all, nearest].map((found) => "nearest" in found)).toEqual([false, false, false]);
    const strict = await searchPictures(parts, "there 3", { count: 50, falsePositiveRate: 0.01 });
    expect(strict.cutoff).toBeGreaterThan(cutoff);
  });

  test("does not judge pictures, nor without a background or rows", async () => {
    const index = await indexOf(things(50, "there"));
    const background = await measureBackground(index, embedders);
    const byPicture = await searchPictures({ index, embedders, background }, '@"there 7" + there 8', { count: 3 });
    expect(byPicture).toMatchObject({ fits: true, notJudged: "picture" });
    expect(
      byPicture.hits
        .map(({ id }) => id)
        .toSorted()
        .slice(-2),
    ).toEqual(["there 7", "there 8"]);
    const byId = await searchPictures({ index, embedders, background }, '@id:"there 9"', { count: 1 });
    expect(byId.hits[0]?.id).toBe("there 9");
    expect(byId.hits[0]?.similarity).toBeCloseTo(1, 6);
    await expect(searchPictures({ index, embedders }, "@id:none", { count: 1 })).rejects.toThrow(/no picture.*"none"/u);
    const plain = await searchPictures({ index, embedders }, "absent 1", { count: 3 });
    expect(plain).toMatchObject({ fits: true, notJudged: "no-background" });

    const empty = await indexOf([]);
    const none = { index: empty, embedders, background: await measureBackground(empty, embedders) };
    expect(await searchPictures(none, "there 1", { count: 3 })).toEqual({
      hits: [],
      fits: false,
      notJudged: "no-rows",
    });
  });

  test("judges what takes something away by blends that do", async () => {
    const index = await indexOf(things(100, "there"));
    const parts = { index, embedders, background: await measureBackground(index, embedders) };
    let found = 0;
    for (const n of things(100, "").keys()) {
      const { fits } = await searchPictures(parts, `"absent ${n}" - "other ${n}"`, { count: 1 });
      found += fits ? 1 : 0;
    }
    expect(found).toBeLessThan(15);
    const there = await searchPictures(parts, '"there 4" - "there 5"', { count: 100 });
    expect(there.hits[0]?.id).toBe("there 4");
    expect(there.hits.some(({ id }) => id === "there 5")).toBe(false);
  });

  test("asks an index that looks at a part of its rows for all, where a filter leaves few", async () => {
    const flat = await indexOf(things(50, "there"));
    // As an approximate index does: the ten nearest rows are looked at, and of them those that meet the filter stay.
    const partial: VectorIndex = {
      ...flat,
      kind: "lance",
      async search(vector, request) {
        if (request.isExact === true) return flat.search(vector, request);
        const near = await flat.search(vector, { count: 10 });
        const allowed = await flat.search(vector, { ...request, count: 50 });
        const ids = new Set(allowed.map(({ id }) => id));
        return near.filter(({ id }) => ids.has(id)).slice(0, request.count);
      },
    };
    const filter = [{ field: "place", is: "at-least", value: 45 }] as const;
    const request = { count: 5, filter };
    const exact = await searchPictures({ index: flat, embedders }, "there 1", request);
    expect(exact.hits).toHaveLength(5);
    expect(await searchPictures({ index: partial, embedders }, "there 1", request)).toEqual(exact);
  });
});

describe("a background", () => {
  test("is plain data: read back from JSON it judges the same", async () => {
    const index = await indexOf(things(30, "there"));
    const done: number[] = [];
    const background = await measureBackground(index, embedders, { onProgress: (rows) => done.push(rows) });
    expect(done.at(-1)).toBe(30);
    const again = readBackground(JSON.parse(JSON.stringify(background)));
    const request = { count: 30 };
    expect(await searchPictures({ index, embedders, background: again }, "there 2", request)).toEqual(
      await searchPictures({ index, embedders, background }, "there 2", request),
    );
    for (const damage of [
      null,
      [],
      {},
      { ...background, format: 2 },
      { ...background, rows: -1 },
      { ...background, falsePositiveRate: 2 },
    ]) {
      expect(() => readBackground(damage)).toThrow(/measure it anew/u);
    }
    const [first = [], ...rest] = background.best;
    for (const best of [rest, [first.slice(1), ...rest], [first.map(String), ...rest], [first.toReversed(), ...rest]]) {
      expect(() => readBackground({ ...background, best })).toThrow(/6 lists of 1500 best cosines/u);
    }
  });

  test("is measured anew when a tenth of the index has changed", async () => {
    const background = await measureBackground(await indexOf(things(30, "there")), embedders);
    expect(isBackgroundStale(background, { rows: 33 })).toBe(false);
    expect(isBackgroundStale(background, { rows: 34 })).toBe(true);
    expect(isBackgroundStale(background, { rows: 30, changed: 4 })).toBe(true);
    expect(isBackgroundStale({ ...background, rows: 0 }, { rows: 1 })).toBe(true);
  });

  test("refuses rates that cannot be kept, and another model", async () => {
    const index = await indexOf(things(5, "there"));
    const other: QueryEmbedders = {
      texts: async (texts) => ({ values: new Float32Array(texts.length).fill(1), rows: texts.length, dim: 1 }),
    };
    for (const falsePositiveRate of [0, 0.6, Number.NaN]) {
      await expect(measureBackground(index, embedders, { falsePositiveRate })).rejects.toThrow(/from 0.005 to 0.5/u);
    }
    await expect(measureBackground(index, other)).rejects.toThrow(/48 features a row, the model 1/u);
    const background = await measureBackground(index, embedders);
    const parts = { index, embedders: other, background };
    await expect(searchPictures(parts, "there", { count: 1 })).rejects.toThrow(/48 values.*has 1/u);
  });

  test("has a few hundred captions, no two alike", () => {
    expect(genericCaptions.length).toBeGreaterThan(300);
    expect(new Set(genericCaptions).size).toBe(genericCaptions.length);
    expect(genericCaptions.filter((caption) => caption.trim() !== caption || caption === "")).toEqual([]);
  });
});
