import { ClipError } from "@clip-ts/base";
import type { HubSettings } from "./hub-settings.ts";

/** Statuses that mean more than their number. */
const meanings: Readonly<Record<number, string>> = {
  401: "you are not signed in: set HF_TOKEN, or the repository does not exist",
  403: "your token may not do this: ask for access on the repository's page, or use another token",
  404: "there is no such repository, revision or file",
  429: "too many requests: wait a while",
};

/** The error for an answer that says no. */
function refused(url: string, status: number): ClipError {
  const meaning = meanings[status] ?? "the hub does not say why";
  const code = status === 404 || status === 401 ? "not-found" : "bad-data";
  return new ClipError(code, `${url} answers ${status}: ${meaning}.`, { data: { url, status } });
}

/** The error for a hub that cannot be reached. */
function unreachable(url: string, cause: unknown): ClipError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const reason = inner instanceof Error ? inner.message : String(inner);
  return new ClipError("not-found", `${url} cannot be reached: ${reason}.`, {
    data: { url, unreachable: true },
    cause,
  });
}

/** Whether an error means that the network did not answer, so that what is in the cache has to do. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof ClipError && error.data["unreachable"] === true;
}

/**
 * Asks the hub, with the token if there is one. Redirects are answered as they come if `init` says so.
 * @throws ClipError for a network that fails and an answer of 400 or more.
 */
export async function requestHub(
  url: string,
  { token }: HubSettings,
  init: RequestInit = {},
): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("user-agent", "clip-ts");
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers });
  } catch (cause) {
    throw unreachable(url, cause);
  }
  if (response.status < 400) return response;
  await response.body?.cancel();
  throw refused(url, response.status);
}
