import { ClipError } from "@clip-ts/base";
import { fetchOptionalBytes, fetchOptionalText, type FetchOptions } from "./fetch.ts";

/** Where fetched files are kept: the browser's `Cache`, or what does the same. */
export interface FileCache {
  readonly match: (url: string) => Promise<Response | undefined>;
  readonly put: (url: string, response: Response) => Promise<void>;
}

/** How files of the hub are fetched and kept. */
export interface KeepOptions extends FetchOptions {
  /**
   * Where files of the hub are kept for the next time and for when it is out of reach: `caches.open("clip-ts")` if
   * absent and the page has it (pages over https and localhost do), nowhere if false.
   */
  readonly cache?: FileCache | false;
  /** Hears in a line that something could not be kept, or that what is kept has to do. */
  readonly onNotice?: (line: string) => void;
}

/** The cache that the options or the browser give; undefined where there is none, as in private windows of some. */
async function cacheOf({ cache }: KeepOptions): Promise<FileCache | undefined> {
  if (cache !== undefined) return cache === false ? undefined : cache;
  try {
    return await globalThis.caches?.open("clip-ts");
  } catch {
    return undefined;
  }
}

async function keep(
  cache: FileCache | undefined,
  url: string,
  { content, onNotice }: { content: Uint8Array | string; onNotice: KeepOptions["onNotice"] },
): Promise<void> {
  const length = typeof content === "string" ? {} : { "content-length": String(content.byteLength) };
  try {
    await cache?.put(url, new Response(content as BodyInit, { headers: length }));
  } catch (error) {
    onNotice?.(`${url} was fetched, but the browser does not keep it: ${String(error)}`);
  }
}

/**
 * The bytes of a file whose address says its version, from the cache if it was fetched before. What breaks off is not
 * kept.
 * @throws ClipError "not-found" where the server has no such file, and as `fetchOptionalBytes` does.
 */
export async function keptBytes(url: string, options: KeepOptions): Promise<Uint8Array> {
  const { signal, onProgress, onNotice } = options;
  const cache = await cacheOf(options);
  const kept = await cache?.match(url);
  signal?.throwIfAborted();
  if (kept !== undefined) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    const file = url.slice(url.lastIndexOf("/") + 1);
    onProgress?.({ file, loadedBytes: bytes.byteLength, totalBytes: bytes.byteLength });
    return bytes;
  }
  const bytes = await fetchOptionalBytes(url, options);
  if (bytes === undefined) throw new ClipError("not-found", `${url}: there is no such file.`, { data: { url } });
  await keep(cache, url, { content: bytes, onNotice });
  return bytes;
}

/**
 * The text of what may change, as it is now; as it was when it was last fetched, if the server is out of reach.
 * @returns undefined where the server says that it has none.
 */
export async function freshText(url: string, options: KeepOptions): Promise<string | undefined> {
  const { signal, onNotice } = options;
  const cache = await cacheOf(options);
  try {
    const text = await fetchOptionalText(url, options);
    if (text !== undefined) await keep(cache, url, { content: text, onNotice });
    return text;
  } catch (error) {
    signal?.throwIfAborted();
    const kept = await cache?.match(url);
    if (kept === undefined) throw error;
    onNotice?.(`${(error as Error).message} What was fetched before is used.`);
    return kept.text();
  }
}
