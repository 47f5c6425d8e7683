import { createHash } from "node:crypto";
import { basename } from "node:path";
import { searchPictures, type Filter, type Hit } from "@clip-ts/search";
import type { PictureIndex } from "@clip-ts/picture-index";
import type { Context, Handler } from "hono";
import type { Parts } from "../parts.ts";
import { refusal } from "../refusals.ts";
import { searchBody, type SearchBody } from "../schemas.ts";
import { checkIds, embeddersOf, queryOf } from "../search-query.ts";
import { searchTurns } from "../search-turns.ts";
import { working } from "../work.ts";

function checkFilter(filter: Filter, { vectors }: PictureIndex): Filter {
  for (const [at, { field }] of filter.entries()) {
    if (Object.hasOwn(vectors.fields, field)) continue;
    const names = Object.keys(vectors.fields).join(", ");
    throw refusal(400, `filter[${at}].field: pictures have ${names}.`, {
      code: "bad_filter",
      param: `filter[${at}].field`,
    });
  }
  return filter;
}

/** A name of a picture that tells nothing of where it lies. */
const nameOf = (id: string): string => createHash("sha256").update(id).digest("hex").slice(0, 32);

function shownHit({ id, similarity, fields }: Hit, showsPaths: boolean): object {
  const { folder, date, label, width, height } = fields;
  const path = `${folder ?? ""}${basename(id.slice(id.lastIndexOf("#") + 1))}`;
  const facts = { path, similarity, label, date, width, height };
  return { object: "picture", id: showsPaths ? id : nameOf(id), ...facts };
}

/** What an address may ask beside a body that is a picture. */
const asked = ["model", "query", "count", "all", "exact"] as const;

const switches: Readonly<Record<string, boolean>> = { true: true, false: false };

/**
 * A body that is a picture itself; what else is asked stands in the address. Numbers and switches that are none are left
 * as they are, for the schema to refuse.
 */
function readUpload(bytes: Uint8Array, context: Context): SearchBody | undefined {
  if (!/^image\//iu.test(context.req.header("content-type") ?? "")) return undefined;
  const given = context.req.query();
  const unknown = Object.keys(given).find((name) => !(asked as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw refusal(400, `?${unknown.slice(0, 200)}: beside a picture an address may ask ${asked.join(", ")}.`, {
      code: "bad_address",
      param: unknown.slice(0, 200),
    });
  }
  const { count, all, exact, ...rest } = given;
  const body = {
    ...rest,
    image: Buffer.from(bytes).toString("base64"),
    ...(count !== undefined && { count: /^\d+$/u.test(count) ? Number(count) : count }),
    ...(all !== undefined && { all: switches[all] ?? all }),
    ...(exact !== undefined && { exact: switches[exact] ?? exact }),
  };
  return body as SearchBody; // as far as the schema finds it so
}

/** POST /v1/search */
export function searchRoute(parts: Parts): Handler {
  const { index, limits, showsPaths } = parts;
  if (index === undefined) {
    return () => {
      throw refusal(404, "This server has no index: start it with --index INDEX.", { code: "no_index" });
    };
  }
  const vectorsFor = searchTurns(index.vectors, limits.searches);
  return working(parts, {
    schema: searchBody,
    readOther: readUpload,
    async run({ body, signal }) {
      const { count = Math.min(10, limits.results), filter = [], all = false, exact = false } = body;
      if (count > limits.results) {
        throw refusal(400, `count: ${limits.results} at most.`, { code: "bad_count", param: "count" });
      }
      const query = queryOf(body);
      const request = { count, filter: checkFilter(filter, index), showsAll: all, isExact: exact };
      await checkIds(query, index.vectors, showsPaths);
      const release = parts.inputs.take(Math.max(1, query.terms.length));
      try {
        const { background } = index;
        const search = {
          index: vectorsFor(signal),
          embedders: embeddersOf(parts, body.image, signal),
          ...(background !== undefined && { background }),
        };
        const found = await searchPictures(search, query, request);
        const { fits, cutoff = null, falsePositiveRate = null } = found;
        const listed = (hits: readonly Hit[]): object[] => hits.map((hit) => shownHit(hit, showsPaths));
        const nearest = found.nearest === undefined ? {} : { nearest: listed(found.nearest) };
        const judged = { fits, cutoff, false_positive_rate: falsePositiveRate, ...nearest };
        return { object: "list", data: listed(found.hits), ...judged, model: parts.name };
      } finally {
        release();
      }
    },
  });
}
