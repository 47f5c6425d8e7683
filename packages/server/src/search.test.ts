// Searches in a real index, over real connections. What is found is held against cosines of what /v1/embeddings gives.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PictureIndex } from "@clip-ts/picture-index";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServedModel } from "./features.ts";
import { indexed, makeIndex } from "./fixtures/nano-index.ts";
import { nanoModel, picture, pictureUrl, post, serve, type Running } from "./fixtures/serve-nano.ts";

interface Found {
  readonly data: readonly { readonly id: string; readonly path: string; readonly similarity: number }[];
  readonly fits: boolean;
  readonly cutoff: number | null;
  readonly false_positive_rate: number | null;
  readonly error: { readonly message: string; readonly code: string; readonly param: string | null };
}

const root = mkdtempSync(join(tmpdir(), "clip-ts-server-search-"));
let model: ServedModel;
let index: PictureIndex;
let [running, open]: Running[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
  model = await nanoModel();
  index = await makeIndex(root, model);
  const onError = (error: unknown): void => void errors.push(error);
  running = await serve(model, { index, onError, limits: { results: 20 } });
  open = await serve(model, { index, onError, showsPaths: true });
});
afterAll(async () => {
  await running?.close();
  await open?.close();
  await index.close();
  model.embedder.dispose();
  rmSync(root, { recursive: true });
  expect(errors).toEqual([]);
});

const read = async (response: Response): Promise<Found & { readonly status: number }> => ({
  status: response.status,
  ...((await response.json()) as Found),
});
const search = async (body: object, server = running) => read(await post(`${server?.url}/v1/search`, body));
const upload = async (asked: string, body: Uint8Array) => {
  const headers = { "content-type": "image/png" };
  return read(
    await fetch(`${running?.url}/v1/search${asked}`, { method: "POST", headers, body: new Uint8Array(body) }),
  );
};

/** Unit rows of texts and pictures. */
async function rowsOf(input: readonly (string | { readonly image: string })[]): Promise<number[][]> {
  const answer = await (await post(`${running?.url}/v1/embeddings`, { input })).json();
  return (answer as { readonly data: readonly { readonly embedding: number[] }[] }).data.map(
    ({ embedding }) => embedding,
  );
}
const pictures = async (): Promise<number[][]> =>
  rowsOf(await Promise.all(indexed.map(async (_, number) => ({ image: await pictureUrl(number) }))));

/** The indexed pictures' names and cosines with a sum of rows, the nearest first. */
async function ranked(rows: readonly number[][], weights: readonly number[]): Promise<(readonly [string, number])[]> {
  const sum = rows[0]!.map((_, at) => rows.reduce((total, row, term) => total + weights[term]! * row[at]!, 0));
  const length = Math.hypot(...sum);
  const cosines = (await pictures()).map(
    (row, number) =>
      [indexed[number]!, row.reduce((total, value, at) => total + (value * sum[at]!) / length, 0)] as const,
  );
  return cosines.toSorted((a, b) => b[1] - a[1]);
}
function expectFound(
  { status, data }: Awaited<ReturnType<typeof search>>,
  wanted: (readonly [string, number])[],
): void {
  expect([status, data.map(({ path }) => path)]).toEqual([200, wanted.map(([name]) => name)]);
  for (const [at, { similarity }] of data.entries()) expect(similarity).toBeCloseTo(wanted[at]![1], 5);
}

describe("a search finds what is nearest", () => {
  test("to words, and to sums of weighted words", async () => {
    const rows = await rowsOf(["a red square", "a blue circle", "people"]);
    expectFound(await search({ query: "a red square", all: true }), await ranked(rows.slice(0, 1), [1]));
    const query = '"a red square" + 0.5:"a blue circle" - people';
    expectFound(await search({ query, all: true }), await ranked(rows, [1, 0.5, -1]));
    expectFound(await search({ query, all: true, count: 2 }), (await ranked(rows, [1, 0.5, -1])).slice(0, 2));
  });

  test("to a picture, and to one with words", async () => {
    const image = await pictureUrl(2);
    const rows = await rowsOf([{ image }, "a blue circle"]);
    const found = await search({ image });
    expectFound(found, await ranked(rows.slice(0, 1), [1]));
    expect([found.data[0]?.path, found.cutoff, found.false_positive_rate]).toEqual(["2024/c.png", null, null]);
    expectFound(
      await search({ image, query: '- "a blue circle" + people' }),
      await ranked([...rows, ...(await rowsOf(["people"]))], [1, -1, 1]),
    );
    expectFound(await search({ query: `@${image} + "a blue circle"` }), await ranked(rows, [1, 1]));
  });

  test("to a picture that is the body itself", async () => {
    const wanted = await ranked(await rowsOf([{ image: await pictureUrl(3) }]), [1]);
    expectFound(await upload("", await picture(3)), wanted);
    expectFound(await upload("?count=2&exact=true&all=true", await picture(3)), wanted.slice(0, 2));
    const rows = await rowsOf([{ image: await pictureUrl(3) }, "people"]);
    expectFound(await upload("?query=people", await picture(3)), await ranked(rows, [1, 1]));
  });

  test("among the pictures that a filter lets through", async () => {
    const wanted = (await ranked(await rowsOf([{ image: await pictureUrl(0) }]), [1])).filter(([name]) =>
      name.startsWith("2024/"),
    );
    const filter = [{ field: "folder", is: "starts-with", value: "2024/" }];
    expectFound(await search({ image: await pictureUrl(0), filter }), wanted);
    const none = await search({ image: await pictureUrl(0), filter: [{ field: "width", is: "more", value: 999 }] });
    expect([none.status, none.data, none.fits]).toEqual([200, [], false]);
  });

  test("and says what fits", async () => {
    const everything = await search({ query: "a red square", all: true });
    const { cutoff, data, false_positive_rate: rate } = everything;
    expect([rate, typeof cutoff]).toEqual([0.05, "number"]);
    const fitting = data.filter(({ similarity }) => similarity >= (cutoff ?? Number.NaN));
    const found = await search({ query: "a red square" });
    expect([found.data, found.fits, everything.fits]).toEqual([fitting, fitting.length > 0, fitting.length > 0]);
  });
});

describe("ids", () => {
  test("tell nothing of where pictures lie, unless they may", async () => {
    const hidden = await search({ query: "a red square", all: true });
    expect(hidden.data.map(({ id }) => id)).toEqual(Array(6).fill(expect.stringMatching(/^[0-9a-f]{32}$/)));
    expect(JSON.stringify(hidden)).not.toContain(root);
    const shown = await search({ query: "a red square", all: true }, open);
    expect(shown.data.map(({ id }) => id)).toEqual(hidden.data.map(({ path }) => join(root, "photos", path)));
  });

  test("are asked for where they are shown alone", async () => {
    const id = join(root, "photos", "2024/d.png");
    const wanted = await ranked(await rowsOf([{ image: await pictureUrl(3) }]), [1]);
    expectFound(await search({ query: `@id:"${id}"` }, open), wanted);
    const unknown = await search({ query: "@id:/nowhere.png" }, open);
    expect([unknown.status, unknown.error.message]).toEqual([
      400,
      'query: the index has no picture with the id "/nowhere.png".',
    ]);
    // The same answer whether there is such a picture or not.
    const answers = [await search({ query: `@id:"${id}"` }), await search({ query: "@id:/nowhere.png" })];
    expect(answers[0]).toEqual(answers[1]);
    expect([answers[0]?.status, answers[0]?.error.message]).toEqual([400, expect.stringContaining("--show-paths")]);
  });
});

test("what cannot be searched for is refused, and the field is named", async () => {
  const query = "a red square";
  for (const [body, code, param] of [
    [{}, "bad_body", "query"],
    [{ query: "" }, "bad_body", "query"],
    [{ query: "@/etc/passwd" }, "bad_query", "query"],
    [{ query: "@file:///etc/passwd + dogs" }, "bad_query", "query"],
    [{ query: "@http://169.254.169.254/meta" }, "urls_not_allowed", null],
    [{ query: "- people" }, "bad_argument", null],
    [{ query: '"open' }, "bad_argument", null],
    [{ image: "AAAA" }, "bad_picture", null],
    [{ query, count: 21 }, "bad_count", "count"],
    [{ query, count: 0 }, "bad_body", "count"],
    [{ query, limit: 3 }, "bad_body", null],
    [{ query, filter: [{ field: "path", is: "equal", value: "x" }] }, "bad_filter", "filter[0].field"],
    [{ query, filter: [{ field: "__proto__", is: "equal", value: "x" }] }, "bad_filter", "filter[0].field"],
    [{ query, filter: [{ field: "width", is: "equal", value: "wide" }] }, "bad_argument", null],
    [{ query, filter: [{ field: "width", is: "near", value: 3 }] }, "bad_body", "filter[0]"],
  ] as const) {
    const { status, error } = await search(body);
    expect([status, error.code, error.param], JSON.stringify(body)).toEqual([400, code, param]);
  }
  for (const [asked, param] of [
    ["?limit=3", "limit"],
    ["?count=many", "count"],
    ["?count=1e1", "count"],
    ["?all=perhaps", "all"],
    ["?exact=constructor", "exact"],
  ] as const) {
    const { status, error } = await upload(asked, await picture(1));
    expect([status, error.param], asked).toEqual([400, param]);
  }
});
