import { ClipError } from "@clip-ts/base";
import { assertOk, request, type FetchOptions } from "./fetch-file.ts";

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
 * Fetches a file, telling `onProgress` after every piece that arrives.
 * @throws ClipError "not-found" naming the address, or "bad-weights" if the download breaks off.
 */
export async function fetchBytes(url: string, options: FetchOptions = {}): Promise<Uint8Array> {
  const { onProgress, signal } = options;
  const response = await request(url, options);
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
