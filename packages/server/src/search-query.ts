import { parseQuery, type Query, type QueryEmbedders, type VectorIndex } from "@clip-ts/search";
import { isPictureUrl, type GivenPicture } from "./pictures.ts";
import type { Parts } from "./parts.ts";
import { refusal } from "./refusals.ts";
import type { SearchBody } from "./schemas.ts";
import { checkText } from "./texts.ts";

/** The value of the query's term that stands for the picture that came along. */
const uploaded = "the picture of the request";

const badQuery = (message: string): Error => refusal(400, `query: ${message}`, { code: "bad_query", param: "query" });

/** A picture of a query: the one that came along, or one that the words name and that is no file of this machine. */
function pictureOf(value: string, upload: GivenPicture | undefined): GivenPicture {
  if (value === uploaded && upload !== undefined) return upload;
  if (isPictureUrl(value) || /^https?:/iu.test(value)) return value;
  throw badQuery(
    "a picture is named by a data URL or an address, or sent as image; files of this machine are not read.",
  );
}

/** Joins rows that come one by one. */
async function rowsOf(rows: readonly Promise<Float32Array>[], dim: number) {
  const values = new Float32Array(rows.length * dim);
  for (const [at, row] of (await Promise.all(rows)).entries()) values.set(row, at * dim);
  return { values, rows: rows.length, dim };
}

/** What embeds a query's terms, in the batches of all requests. `upload` is the picture that came along. */
export function embeddersOf(parts: Parts, upload: GivenPicture | undefined, signal: AbortSignal): QueryEmbedders {
  const { features, pictures, limits } = parts;
  const text = async (words: string): Promise<Float32Array> =>
    (await features.text(checkText(words, limits), { signal })).row;
  const picture = async (name: string): Promise<Float32Array> =>
    pictures.with(pictureOf(name, upload), signal, (planes) => features.image(planes, { signal }));
  return {
    texts: (texts) => rowsOf(texts.map(text), features.dim),
    pictures: (names) => rowsOf(names.map(picture), features.dim),
  };
}

/**
 * The query of a body, its picture one of the terms.
 * @throws ClipError of status 400 for one that asks for nothing, or that is not in the grammar of queries.
 */
export function queryOf({ query, image }: Pick<SearchBody, "query" | "image">): Query {
  if (query === undefined && image === undefined) {
    throw refusal(400, "Give query, image or both.", { code: "bad_body", param: "query" });
  }
  const words = query === undefined ? [] : parseQuery(query).terms;
  const own = image === undefined ? [] : [{ kind: "picture", value: uploaded, weight: 1 } as const];
  return { terms: [...words, ...own] };
}

/**
 * Holds pictures that a query names by their ids against the index. Where hits do not show their ids nobody can know
 * them, and whoever tried some would learn which files there are.
 * @throws ClipError of status 400.
 */
export async function checkIds({ terms }: Query, vectors: VectorIndex, showsPaths: boolean): Promise<void> {
  const ids = [...new Set(terms.filter(({ kind }) => kind === "row").map(({ value }) => value))];
  if (ids.length === 0) return;
  if (!showsPaths) {
    throw badQuery(
      "pictures are asked for by @id: only where the server is started with --show-paths; send the picture as image.",
    );
  }
  const known = new Set((await vectors.get(ids)).map(({ id }) => id));
  const unknown = ids.find((id) => !known.has(id));
  if (unknown !== undefined)
    throw badQuery(`the index has no picture with the id ${JSON.stringify(unknown.slice(0, 200))}.`);
}
