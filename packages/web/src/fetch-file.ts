import { ClipError } from "@clip-ts/base";

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
export async function request(url: string, options: FetchOptions): Promise<Response> {
  const { fetch = globalThis.fetch, signal } = options;
  try {
    return await fetch(url, signal === undefined ? {} : { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw failure(url, `the server cannot be reached: ${String(cause)}`, cause);
  }
}

/** @throws ClipError "not-found" unless the server sends the file. */
export function assertOk(url: string, { ok, status, statusText }: Response): void {
  if (ok) return;
  const hint = absent.has(status) ? "Check that the model's folder is served there." : "";
  throw failure(url, `the server answered ${status} ${statusText}. ${hint}`.trim());
}

async function readJson(url: string, response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    const start = JSON.stringify(text.slice(0, 40));
    throw new ClipError("bad-config", `${url}: expected JSON, got text that starts ${start}.`, {
      data: { url },
      cause,
    });
  }
}

/**
 * Fetches and parses a JSON file.
 * @throws ClipError "not-found" naming the address, or "bad-config" if it is not JSON.
 */
export async function fetchJson(url: string, options: FetchOptions = {}): Promise<unknown> {
  const response = await request(url, options);
  assertOk(url, response);
  return readJson(url, response);
}

/** Like `fetchJson`, but undefined where the server has no such file. */
export async function fetchOptionalJson(url: string, options: FetchOptions = {}): Promise<unknown> {
  const response = await request(url, options);
  if (isAbsent(response)) return undefined;
  assertOk(url, response);
  return readJson(url, response);
}

/** A file's text; undefined where the server has no such file. */
export async function fetchOptionalText(
  url: string,
  options: FetchOptions = {},
): Promise<string | undefined> {
  const response = await request(url, options);
  if (isAbsent(response)) return undefined;
  assertOk(url, response);
  return response.text();
}
