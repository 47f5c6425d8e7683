import { ClipError, type ClipErrorCode } from "@clip-ts/base";

/** Statuses that mean more than their number. */
const meanings: Readonly<Record<number, string>> = {
  401: "you are not signed in: set HF_TOKEN, or the repository does not exist",
  403: "your token may not do this: ask for access on the repository's page, or use another token",
  404: "there is no such repository, revision or file",
  408: "the hub waited too long for the request",
  429: "too many requests: wait a while",
  500: "the hub failed: try again later",
  502: "the hub is out of reach behind its own door: try again later",
  503: "the hub is busy or down: try again later",
  504: "the hub's own servers did not answer in time: try again later",
};

/** Statuses that another try may change (huggingface_hub's, and 408). */
const transientStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** What an error about the hub tells a program. */
interface HubErrorData {
  readonly url: string;
  readonly status?: number;
  /** Another try may succeed. */
  readonly isTransient?: boolean;
  /** The hub did not answer as itself, so that what is in the cache has to do. */
  readonly isOut?: boolean;
  /** Milliseconds that the hub asks to wait. */
  readonly wait?: number | undefined;
}

/** An address as messages show it: what follows `?` may grant a right. */
const shown = (url: string): string => url.replace(/[?#].*$/u, "");

/** The error with what programs need to know about it. */
function hubError(code: ClipErrorCode, message: string, data: HubErrorData, cause?: unknown): ClipError {
  const options = {
    data: { ...data, url: shown(data.url) },
    ...(cause !== undefined && { cause }),
  };
  return new ClipError(code, `${shown(data.url)}${message}`, options);
}

const dataOf = (error: unknown): Partial<HubErrorData> => (error instanceof ClipError ? error.data : {});

/** Whether another try may succeed. */
export const isTransient = (error: unknown): boolean => dataOf(error).isTransient === true;

/** Whether the hub is not there or not itself, so that what is in the cache has to do. */
export const isOut = (error: unknown): boolean => dataOf(error).isOut === true;

/** Milliseconds that the hub asks to wait before another try. */
export const askedWait = (error: unknown): number | undefined => dataOf(error).wait;

/** The status that refused a request. */
export const statusOf = (error: unknown): number | undefined => dataOf(error).status;

/** The hub's own words, on one line and short enough for a message. */
function ownWords(headers: Headers): string {
  const text = headers.get("x-error-message") ?? "";
  const plain = text.replaceAll(/[^\u0020-\u007e\u00a0-\uffff]+/gu, " ").trim();
  return plain === "" ? "" : ` It says: ${plain.slice(0, 300)}`;
}

/**
 * Milliseconds that an answer asks to wait: Retry-After in seconds or as a date (RFC 9110, 10.2.3), or
 * the hub's RateLimit (`"api";r=0;t=55`: nothing left for 55 seconds).
 */
export function waitAskedBy(headers: Headers, now: number = Date.now()): number | undefined {
  const limit = /;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)/u.exec(headers.get("ratelimit") ?? "")?.[1];
  const after = headers.get("retry-after")?.trim() ?? limit ?? "";
  if (/^\d+$/u.test(after)) return Number(after) * 1000;
  const date = /^[a-z]{3}, /iu.test(after) ? Date.parse(after) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The error for an answer that says no; `meant` explains statuses where it is not the hub that answers. */
export function refused(
  url: string,
  status: number,
  headers: Headers,
  meant: Readonly<Record<number, string>> = meanings,
): ClipError {
  const isGated = headers.get("x-error-code") === "GatedRepo";
  const meaning = isGated
    ? "it is gated: accept its terms on the repository's page and set HF_TOKEN to a token that may read it"
    : (meant[status] ?? (meant === meanings ? "the hub does not say why" : "it does not say why"));
  const code = status === 404 || status === 401 ? "not-found" : "bad-data";
  const passes = transientStatuses.has(status);
  const data = { url, status, isTransient: passes, isOut: passes, wait: waitAskedBy(headers) };
  return hubError(code, ` answers ${status}: ${meaning}.${ownWords(headers)}`, data);
}

/** Why a connection failed; what fetch says itself is only that it did. */
function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  if (inner instanceof AggregateError) return reasonOf(inner.errors[0]); // one for each address
  return inner instanceof Error ? inner.message : String(inner);
}

/**
 * Whether a connection failed in a way that may pass: refused, reset, cut, too slow. A name that there
 * is not, a certificate and a file that cannot be read stay as they are.
 */
function mayPass(cause: unknown): boolean {
  const inner = cause instanceof Error ? (cause.cause ?? cause) : cause;
  const code = String((inner as { readonly code?: unknown } | undefined)?.code);
  return /^(ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|EHOST|ENET|UND_ERR_|HPE_)/u.test(code);
}

/** The error for a hub that cannot be reached. */
export function unreachable(url: string, cause: unknown): ClipError {
  const data = { url, isTransient: mayPass(cause), isOut: true };
  return hubError("not-found", ` cannot be reached: ${reasonOf(cause)}.`, data, cause);
}

/** The error for a connection that broke in the middle of an answer. */
export function broken(url: string, cause: unknown): ClipError {
  const data = { url, isTransient: true, isOut: true };
  return hubError("bad-data", `: the connection broke (${reasonOf(cause)}).`, data, cause);
}

/** The error for a connection on which nothing comes any more. */
export function stalled(url: string, timeout: number, setBy = "HF_HUB_DOWNLOAD_TIMEOUT"): ClipError {
  const reason = `nothing came for ${timeout / 1000} s, so the connection was given up`;
  const message = `: ${reason} (${setBy} sets this time).`;
  return hubError("not-found", message, { url, isTransient: true, isOut: true });
}

/** The error for an answer that trickles. */
export function trickled(url: string, time: number): ClipError {
  const message = `: the answer was not whole after ${time / 1000} s.`;
  return hubError("not-found", message, { url, isTransient: true, isOut: true });
}

/** The error for an answer that makes no sense, or that the hub itself does not give (`isOut`). */
export function odd(url: string, what: string, isOut = false): ClipError {
  return hubError("bad-data", ` ${what}`, { url, isOut });
}
