import { createWriteStream, existsSync } from "node:fs";
import { mkdir, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";
import { linkBlob, type CachePlaces } from "./hub-cache.ts";
import type { HubSettings } from "./hub-settings.ts";
import { requestHub } from "./request-hub.ts";
import { verifyBlob } from "./verify-blob.ts";

/** How far a download is. */
export interface DownloadProgress {
  readonly file: string;
  /** Bytes that are there. */
  readonly received: number;
  /** Bytes in all; undefined if the hub does not say. */
  readonly total: number | undefined;
}

/** A file of a repository at a commit, and who hears of the progress. */
export interface FileRequest {
  readonly settings: HubSettings;
  readonly places: CachePlaces;
  readonly repository: string;
  readonly commit: string;
  readonly file: string;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

interface FileFacts {
  readonly url: string;
  readonly etag: string;
  readonly size: number | undefined;
}

/** How often a connection that breaks is taken up again before giving up. */
const attempts = 5;

const withoutQuotes = (etag: string): string => etag.replace(/^W\//u, "").replaceAll('"', "");

/** How often the hub may send on to the new name of a repository. */
const mostMoves = 3;

/** Where a repository that was renamed is now; undefined for an answer about the file itself. */
function movedTo(response: Response, url: string): string | undefined {
  const target = response.headers.get("location");
  if (target === null || response.headers.has("x-linked-etag")) return undefined;
  const moved = new URL(target, url);
  return moved.origin === new URL(url).origin ? moved.href : undefined;
}

/** Hash and size of a file; the hub's own answer has them, not that of the store it sends on to. */
async function askFacts({ settings, repository, commit, file }: FileRequest): Promise<FileFacts> {
  const path = file.split("/").map(encodeURIComponent).join("/");
  let url = `${settings.endpoint}/${repository}/resolve/${commit}/${path}`;
  const ask = (): Promise<Response> =>
    requestHub(url, settings, { method: "HEAD", redirect: "manual" });
  let response = await ask();
  for (let move = 0; move < mostMoves; move++) {
    const moved = movedTo(response, url);
    if (moved === undefined) break;
    url = moved;
    response = await ask();
  }
  const { headers } = response;
  const etag = withoutQuotes(headers.get("x-linked-etag") ?? headers.get("etag") ?? "");
  if (!/^[\w.-]+$/u.test(etag)) {
    throw new ClipError("bad-data", `${url} gives no ETag to keep the file by.`, { data: { url } });
  }
  const size = headers.get("x-linked-size") ?? headers.get("content-length");
  return { url, etag, size: size === null ? undefined : Number(size) };
}

async function sizeOf(path: string): Promise<number> {
  return existsSync(path) ? (await stat(path)).size : 0;
}

/** Tells of the bytes that pass. */
async function* counted(
  body: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
): AsyncIterable<Uint8Array> {
  for await (const chunk of body) {
    count(chunk.byteLength);
    yield chunk;
  }
}

/** Continues `partial`, or starts anew where the server does not continue. */
async function fetchRest(request: FileRequest, facts: FileFacts, partial: string): Promise<void> {
  const have = await sizeOf(partial);
  if (have > 0 && have === facts.size) return;
  const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
  const response = await requestHub(facts.url, request.settings, { headers });
  const continues = response.status === 206;
  let received = continues ? have : 0;
  const report = (bytes: number): void => {
    received += bytes;
    request.onProgress?.({ file: request.file, received, total: facts.size });
  };
  if (response.body === null) throw new ClipError("bad-data", `${facts.url} answers nothing.`);
  const body = Readable.fromWeb(response.body as never);
  const target = createWriteStream(partial, { flags: continues ? "a" : "w" });
  await pipeline(counted(body, report), target);
}

/** Takes a broken connection up again where it broke. */
async function fetchWhole(request: FileRequest, facts: FileFacts, partial: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const before = await sizeOf(partial);
    try {
      await fetchRest(request, facts, partial);
      return;
    } catch (error) {
      const hasProgress = (await sizeOf(partial)) > before;
      if (error instanceof ClipError || attempt >= attempts || !hasProgress) throw error;
    }
  }
}

function broken({ url }: FileFacts, cause: unknown): ClipError {
  if (cause instanceof ClipError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ClipError(
    "bad-data",
    `${url}: the connection broke (${reason}). What arrived is kept; run it again to continue.`,
    { data: { url }, cause },
  );
}

/**
 * Brings a file of the hub into the cache: continues what an earlier attempt left, checks its hash and
 * links it into the snapshot. @returns the path in the snapshot.
 * @throws ClipError for a file that is not there, a broken connection or a wrong hash.
 */
export async function downloadFile(request: FileRequest): Promise<string> {
  const { places, commit, file } = request;
  const path = join(places.snapshot(commit), file);
  if (existsSync(path)) return path;
  const facts = await askFacts(request);
  const blob = places.blob(facts.etag);
  if (!existsSync(blob)) {
    await mkdir(dirname(blob), { recursive: true });
    const partial = `${blob}.incomplete`;
    await fetchWhole(request, facts, partial).catch((cause: unknown) => {
      throw broken(facts, cause);
    });
    await verifyBlob(facts.etag, partial, file);
    await rename(partial, blob);
  }
  await linkBlob(blob, path);
  return path;
}
