import { ClipError } from "@clip-ts/base";
import { searchPictures, type Filter, type Found, type Query } from "@clip-ts/search";
import type { OpenSearch } from "./open-search.ts";
import { readQuery } from "./read-query.ts";
import type { SearchWords } from "./request.ts";

/** What a query found. */
export interface Answer extends Found {
  /** As it was given. */
  readonly text: string;
  readonly query: Query;
  readonly filter: Filter;
  /** Why there is no cut-off. */
  readonly notJudged?: "no-background" | "no-rows" | "picture";
  /** Pictures that meet the filter. */
  readonly searched: number;
  /** Pictures of the index. */
  readonly pictures: number;
}

/** Pictures that are shown where nobody says how many. */
const usualCount = 10;

/** Looks up one query. @throws ClipError "bad-argument" for one that cannot be read. */
export async function answerQuery(
  { index, embedders }: OpenSearch,
  words: readonly string[],
  { filter, asked }: { readonly filter: Filter; readonly asked: SearchWords },
): Promise<Answer> {
  const { vectors, background } = index;
  const { isExact, showsAll, falsePositiveRate } = asked;
  const query = readQuery(words);
  const [pictures, searched] = [await vectors.count(), await vectors.count(filter)];
  const about = { text: words.join(" ").trim(), query, filter, searched, pictures };
  if (searched === 0) return { ...about, hits: [], fits: false };
  const found = await searchPictures(
    { index: vectors, embedders, ...(background !== undefined && { background }) },
    query,
    {
      count: asked.count ?? usualCount,
      filter,
      isExact,
      showsAll,
      ...(falsePositiveRate !== undefined && { falsePositiveRate }),
    },
  );
  return { ...about, ...found };
}

/** @throws ClipError "bad-data" for an index without pictures. */
export async function refuseEmpty({ index }: OpenSearch): Promise<void> {
  if ((await index.vectors.count()) > 0) return;
  throw new ClipError("bad-data", `${index.folder} holds no pictures yet: run clip-ts index.`, {
    data: { folder: index.folder },
  });
}
