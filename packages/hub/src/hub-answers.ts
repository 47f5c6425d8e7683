import type { HubAnswer } from "./exchange.ts";
import { odd, trickled } from "./hub-errors.ts";
import { defaultTimeout, etagOf, type HubSettings } from "./hub-settings.ts";
import { requestHub, type AskOptions } from "./request-hub.ts";

/** Bytes of an answer in JSON; the listing of 100,000 files has a third. */
const mostBytes = 2 ** 25;

/** An answer in JSON has to be whole within so many time-outs, however slowly it trickles. */
const mostTimeouts = 5;

async function readText(answer: HubAnswer, timeout: number): Promise<string> {
  const parts: Uint8Array[] = [];
  const limit = mostTimeouts * timeout;
  const start = Date.now();
  let length = 0;
  for await (const chunk of answer.chunks()) {
    length += chunk.byteLength;
    parts.push(chunk);
    if (length > mostBytes) throw odd(answer.url, `answers more than ${mostBytes} bytes of JSON.`);
    if (Date.now() - start > limit) throw trickled(answer.url, limit);
  }
  return Buffer.concat(parts).toString();
}

async function readJsonAnswer(answer: HubAnswer, timeout: number): Promise<unknown> {
  const text = await readText(answer, timeout);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const type = answer.headers.get("content-type") ?? "";
    const isPage = /html/u.test(type) || /^\s*</u.test(text);
    const what = isPage ? "with a page of HTML" : "with something else";
    throw odd(
      answer.url,
      `answers ${what} where JSON was expected: a proxy or a sign-in page may be in between, ` +
        "or HF_ENDPOINT is no hub.",
      true,
    );
  }
}

/**
 * Asks the hub for JSON. @returns an object, whose members nobody has looked at.
 * @throws ClipError for what {@link requestHub} refuses, and an answer that is no object of JSON.
 */
export async function requestJson(
  url: string,
  settings: HubSettings,
  options: AskOptions = {},
): Promise<Readonly<Record<string, unknown>>> {
  const { timeout = defaultTimeout } = settings;
  const read = (answer: HubAnswer): Promise<unknown> => readJsonAnswer(answer, timeout);
  const value = await requestHub(url, settings, { ...options, read });
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw odd(url, "answers JSON that is no object.", true);
}

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
export function sizeOf({ headers, status, url }: HubAnswer): number | undefined {
  const announced = headers.get("x-linked-size") ?? (status === 200 ? headers.get("content-length") : null);
  if (announced === null) return undefined;
  const size = /^\d+$/u.test(announced) ? Number(announced) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw odd(url, `announces a size of ${announced.slice(0, 40)}.`);
}

/**
 * Hash and size of a file; the hub's own answer has them, not that of the store it sends on to.
 * @throws ClipError for a file that is not there, and for an answer without a usable ETag.
 */
export async function askFacts(settings: HubSettings, { repository, commit, file }: HubFile): Promise<FileFacts> {
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
