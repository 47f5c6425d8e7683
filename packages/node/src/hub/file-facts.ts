import type { HubAnswer } from "./exchange.ts";
import { odd } from "./hub-errors.ts";
import { etagOf } from "./hub-names.ts";
import type { HubSettings } from "./hub-settings.ts";
import { requestHub } from "./request-hub.ts";

/** A file of a repository at a commit. */
export interface HubFile {
  readonly repository: string;
  readonly commit: string;
  /** Its name in the repository, known to be safe. */
  readonly file: string;
}

/** What the hub says of a file. */
export interface FileFacts {
  readonly url: string;
  /** A plain name: for most files the hash of their content. */
  readonly etag: string;
  /** Bytes; undefined if the hub does not say. */
  readonly size: number | undefined;
}

/** Files come as they are, not compressed on the way: their sizes and ranges are the file's own. */
export const asTheyAre = { "accept-encoding": "identity" };

/**
 * Whether a redirect is an answer about the file itself: the hub names hash and size when it sends on to
 * its store. Other redirects lead to a repository's new name, or to another hub.
 */
function isAboutFile({ headers, url }: HubAnswer, target: URL): boolean {
  if (headers.has("x-linked-etag")) return true;
  return headers.has("etag") && target.origin !== new URL(url).origin;
}

/** Bytes that an answer announces; a redirect's own length says nothing of the file's. */
function sizeOf({ headers, status, url }: HubAnswer): number | undefined {
  const announced =
    headers.get("x-linked-size") ?? (status === 200 ? headers.get("content-length") : null);
  if (announced === null) return undefined;
  const size = /^\d+$/u.test(announced) ? Number(announced) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw odd(url, `announces a size of ${announced.slice(0, 40)}.`);
}

/**
 * Hash and size of a file; the hub's own answer has them, not that of the store it sends on to.
 * @throws ClipError for a file that is not there, and for an answer without a usable ETag.
 */
export async function askFacts(
  settings: HubSettings,
  { repository, commit, file }: HubFile,
): Promise<FileFacts> {
  const path = file.split("/").map(encodeURIComponent).join("/");
  const asked = `${settings.endpoint}/${repository}/resolve/${commit}/${path}`;
  const answer = await requestHub(asked, settings, {
    method: "HEAD",
    headers: asTheyAre,
    follows: (answer, target) => !isAboutFile(answer, target),
  });
  answer.discard();
  const { headers, url } = answer;
  const etag = etagOf(headers.get("x-linked-etag") ?? headers.get("etag"), url);
  if (etag === undefined) throw odd(url, "gives no ETag to keep the file by.", true);
  const of = headers.get("x-repo-commit");
  if (of !== null && of !== commit) throw odd(url, `answers for commit ${of.slice(0, 40)}.`);
  return { url, etag, size: sizeOf(answer) };
}
