import type { ListObjectsV2CommandOutput } from "@aws-sdk/client-s3";
import { odd } from "@clip-ts/hub";
import { askS3, type Connection } from "./ask-s3.ts";
import { parseS3, shownPlace } from "./places.ts";

type Page = ListObjectsV2CommandOutput;

/** What the next page is asked for by. @throws ClipError for a store that would be asked forever. */
function nextPage({ IsTruncated, NextContinuationToken: next }: Page, folder: string, before: string | undefined) {
  if (IsTruncated !== true) return undefined;
  if (next !== undefined && next !== before) return next;
  throw odd(shownPlace(folder), "is listed in pages that do not go on.");
}

/** The names of objects right under a prefix, sorted, however many pages they fill. */
export async function listS3(folder: string, connection: Connection): Promise<readonly string[]> {
  const { sdk, client } = connection;
  const { bucket, key } = parseS3(folder);
  const prefix = key === "" || key.endsWith("/") ? key : `${key}/`;
  const names: string[] = [];
  let next: string | undefined;
  do {
    const wanted = { Bucket: bucket, Prefix: prefix, Delimiter: "/", ContinuationToken: next };
    const page: Page = await askS3(folder, connection, (abortSignal) => {
      return client.send(new sdk.ListObjectsV2Command(wanted), { abortSignal });
    });
    for (const { Key: name = "" } of page.Contents ?? []) names.push(name.slice(prefix.length));
    next = nextPage(page, folder, next);
  } while (next !== undefined);
  return names.filter((name) => name !== "").toSorted();
}
