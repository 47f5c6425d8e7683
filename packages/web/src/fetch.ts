import { ClipError } from "@clip-ts/base";

/** The whole address of what is meant from the page or worker; from its server where a worker has no address. */
export function absolute(address: string): string {
  const { href, origin } = globalThis.location ?? {};
  return new URL(address, href?.startsWith("blob:") ? origin : href).href;
}

/** The address of a file in a folder; a relative folder is meant from the page or worker. */
export function addressIn(folder: string | URL, name: string): string {
  const path = String(folder);
  return new URL(name, absolute(path.endsWith("/") ? path : `${path}/`)).href;
}

/** How far the download of one file is. */
export interface FetchProgress {
  /** Name within the model's folder. */
  readonly file: string;
  readonly loadedBytes: number;
  /** Left out where the server does not say. */
  readonly totalBytes?: number;
}

/** How files are fetched. */
export interface FetchOptions {
  /** Used in place of the global `fetch`, for example to add credentials or a cache. */
  readonly fetch?: (url: string, init: { readonly signal?: AbortSignal }) => Promise<Response>;
  /** Called while `model.safetensors` comes in. */
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly signal?: AbortSignal;
}

/** Answers that mean "there is no such file here". */
const absent: ReadonlySet<number> = new Set([404, 410]);

/** Servers of one-page applications answer with that page for a file that they lack. */
function isAbsent({ status, headers }: Response): boolean {
  return absent.has(status) || (headers.get("content-type") ?? "").startsWith("text/html");
}

function failure(url: string, message: string, cause?: unknown): ClipError {
  return new ClipError("not-found", `${url}: ${message}`, { data: { url }, cause });
}

/**
 * The server's answer, whatever it is.
 * @throws ClipError "not-found" if there is none.
 */
async function request(url: string, options: FetchOptions): Promise<Response> {
  const { fetch = globalThis.fetch, signal } = options;
  try {
    return await fetch(url, signal === undefined ? {} : { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw failure(url, `the server cannot be reached: ${String(cause)}`, cause);
  }
}

/** @throws ClipError "not-found" unless the server sends the file. */
function assertOk(url: string, { ok, status, statusText }: Response): void {
  if (ok) return;
  const hint = absent.has(status) ? "Check that the model's folder is served there." : "";
  throw failure(url, `the server answered ${status} ${statusText}. ${hint}`.trim());
}

/** A file's text; undefined where the server has no such file. */
export async function fetchOptionalText(url: string, options: FetchOptions = {}): Promise<string | undefined> {
  const response = await request(url, options);
  if (isAbsent(response)) return undefined;
  assertOk(url, response);
  return response.text();
}

/** Bytes that will come, if the server says so; of a compressed answer it only says the packed size. */
function announcedBytes({ headers }: Response): number | undefined {
  const length = headers.get("content-length");
  return length === null || headers.has("content-encoding") ? undefined : Number(length);
}

/** The buffer itself if `size` bytes fit, else a copy at least twice as long. */
function grown(buffer: Uint8Array, size: number): Uint8Array {
  if (size <= buffer.length) return buffer;
  const longer = new Uint8Array(Math.max(size, 2 * buffer.length));
  longer.set(buffer);
  return longer;
}

/** Reads a whole body into one buffer; `onLoaded` hears the bytes so far after every piece. */
async function readBody(
  response: Response,
  totalBytes: number | undefined,
  onLoaded: (bytes: number) => void,
): Promise<Uint8Array> {
  let buffer: Uint8Array = new Uint8Array(totalBytes ?? 0);
  let loaded = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const piece = (await reader?.read())?.value;
    if (piece === undefined) return buffer.subarray(0, loaded);
    buffer = grown(buffer, loaded + piece.length);
    buffer.set(piece, loaded);
    loaded += piece.length;
    onLoaded(loaded);
  }
}

/**
 * Fetches a file, telling `onProgress` after every piece that arrives; undefined where the server has none.
 * @throws ClipError "not-found" naming the address, or "bad-weights" if the download breaks off.
 */
export async function fetchOptionalBytes(url: string, options: FetchOptions = {}): Promise<Uint8Array | undefined> {
  const { onProgress, signal } = options;
  const response = await request(url, options);
  if (isAbsent(response)) return undefined;
  assertOk(url, response);
  const totalBytes = announcedBytes(response);
  const announced = totalBytes === undefined ? {} : { totalBytes };
  const file = url.slice(url.lastIndexOf("/") + 1);
  let loadedBytes = 0;
  const report = (bytes: number): void => {
    loadedBytes = bytes;
    onProgress?.({ file, loadedBytes, ...announced });
  };
  const brokenOff = (cause?: unknown): ClipError => {
    const expected = totalBytes === undefined ? "" : ` of ${totalBytes}`;
    const message = `${url}: the download broke off after ${loadedBytes}${expected} bytes; fetch it again.`;
    return new ClipError("bad-weights", message, { data: { url, loadedBytes, totalBytes }, cause });
  };
  const bytes = await readBody(response, totalBytes, report).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw brokenOff(cause);
  });
  if (totalBytes !== undefined && bytes.length !== totalBytes) throw brokenOff();
  return bytes;
}
