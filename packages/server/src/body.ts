import type { Admission } from "./admission.ts";
import type { Limits } from "./limits.ts";
import { refusal } from "./refusals.ts";

/** What reading a body takes. */
export interface BodyReader {
  readonly limits: Pick<Limits, "bodyBytes" | "bodyTime">;
  /** Of all bodies' bytes. */
  readonly bytes: Admission;
}

/** A body, which counts as held until `done` is called. */
export interface Body {
  readonly bytes: Uint8Array;
  readonly done: () => void;
}

/** Brackets and braces that may stand within one another. */
const mostDeep = 16;

function tooLarge(most: number): Error {
  return refusal(413, `The body is larger than the ${most} bytes that this server takes.`, { code: "body_too_large" });
}

/** @throws ClipError for a body that is packed, or said to be too large, before any of it is read. */
function checkHead({ headers }: Request, most: number): void {
  const coding = headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (coding !== "identity") {
    throw refusal(415, "Bodies are taken as they are: leave out content-encoding.", { code: "encoded_body" });
  }
  if (Number(headers.get("content-length") ?? 0) > most) throw tooLarge(most);
}

function within(time: number, signal: AbortSignal): { readonly over: Promise<never>; readonly clear: () => void } {
  let clear = (): void => undefined;
  const over = new Promise<never>((_resolve, reject) => {
    const timer = setTimeout(() => {
      reject(refusal(408, `The body did not come within ${time / 1000} s.`, { code: "slow_body" }));
    }, time);
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    clear = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    };
  });
  over.catch(() => undefined);
  return { over, clear };
}

/**
 * Reads a body, and stops as soon as it is too large or too slow.
 * @throws ClipError of status 408, 413, 415 or 429.
 */
export async function readBody(request: Request, reader: BodyReader, signal: AbortSignal): Promise<Body> {
  const { bodyBytes, bodyTime } = reader.limits;
  checkHead(request, bodyBytes);
  const held: (() => void)[] = [];
  const done = (): void => {
    for (const release of held.splice(0)) release();
  };
  const chunks: Uint8Array[] = [];
  const stream = request.body?.getReader();
  const { over, clear } = within(bodyTime, signal);
  try {
    for (let length = 0; stream !== undefined;) {
      const { done: isEnd, value } = await Promise.race([stream.read(), over]);
      if (isEnd) break;
      length += value.byteLength;
      if (length > bodyBytes) throw tooLarge(bodyBytes);
      held.push(reader.bytes.take(value.byteLength));
      chunks.push(value);
    }
    return { bytes: Buffer.concat(chunks), done };
  } catch (error) {
    done();
    void stream?.cancel().catch(() => undefined);
    throw error;
  } finally {
    clear();
  }
}

/** Where a text of JSON that begins behind `start` ends. */
function endOfText(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== 0x22) at += bytes[at] === 0x5c ? 2 : 1;
  return at;
}

/** What a byte adds to the depth: 1 for [ and {, -1 for ] and }. */
function stepOf(byte: number | undefined): number {
  if (byte === 0x5b || byte === 0x7b) return 1;
  return byte === 0x5d || byte === 0x7d ? -1 : 0;
}

/** @throws ClipError for JSON that is nested deeper than any request of this API. */
function checkDepth(bytes: Uint8Array): void {
  for (let at = 0, depth = 0; at < bytes.length; at++) {
    if (bytes[at] === 0x22) at = endOfText(bytes, at + 1);
    else depth += stepOf(bytes[at]);
    if (depth > mostDeep) throw refusal(400, `The JSON is nested deeper than ${mostDeep}.`, { code: "deep_json" });
  }
}

/** The JSON value of a body. @throws ClipError of status 400 or 415. */
export function parseBody(bytes: Uint8Array, contentType: string | null): unknown {
  const [type = ""] = (contentType ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/json") {
    throw refusal(415, "Expected a body of content-type application/json.", { code: "not_json" });
  }
  checkDepth(bytes);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.slice(0, 200) : "unreadable";
    throw refusal(400, `The body is not JSON in UTF-8: ${reason}`, { code: "bad_json", cause });
  }
}
