import { ClipError } from "@clip-ts/base";
import { exchange, withRetries, type HubAnswer, type HubRequest } from "./exchange.ts";
import { odd, refused, statusOf } from "./hub-errors.ts";
import { defaultTimeout, type HubSettings } from "./hub-settings.ts";

/** How a request is made beside what it sends. */
export interface AskOptions extends HubRequest {
  /** Statuses of 400 and more that come back as answers. */
  readonly accepts?: readonly number[];
  /** Whether a redirect to there is followed; all are if absent. */
  readonly follows?: (answer: HubAnswer, target: URL) => boolean;
  /** Without the token: the address itself grants the right. */
  readonly isAnonymous?: boolean;
  /** Asking twice could do something twice: it is only asked again where the hub did nothing yet. */
  readonly isOnce?: boolean;
}

/** Redirects followed for one request; fetch follows 20, huggingface_hub's client as many. */
const mostRedirects = 10;

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The origin of the hub, where the token goes. @throws ClipError for an endpoint that is no address. */
function originOf(endpoint: string): string {
  const origin = URL.canParse(endpoint) ? new URL(endpoint).origin : "null";
  if (/^https?:/u.test(origin)) return origin;
  const message = `${endpoint}: expected the hub's address, such as https://huggingface.co (HF_ENDPOINT).`;
  throw new ClipError("bad-argument", message, { data: { endpoint } });
}

/** The header that shows a token. @throws ClipError, which does not show it, for one that is none. */
function authorization(token: string): string {
  if (/^[\u0021-\u007e]+$/u.test(token)) return `Bearer ${token}`;
  throw new ClipError("bad-argument", "The token (HF_TOKEN) has characters that no token has.");
}

/**
 * Where an answer sends on to; undefined if it does not.
 * @throws ClipError for an address that is none, one that is not encrypted after one that was, and
 * a redirect that would turn sending into asking.
 */
export function redirectOf(
  { url, status, headers }: Pick<HubAnswer, "url" | "status" | "headers">,
  method: string,
): URL | undefined {
  if (!redirects.has(status)) return undefined;
  const location = headers.get("location");
  if (location === null || !URL.canParse(location, url)) {
    throw odd(url, `answers ${status} without an address to go to.`);
  }
  const target = new URL(location, url);
  if (!/^https?:$/u.test(target.protocol) || `${target.username}${target.password}` !== "") {
    throw odd(url, `sends on to a ${target.protocol} address or one with a password: not followed.`);
  }
  if (url.startsWith("https:") && target.protocol === "http:") {
    throw odd(url, `sends on to ${target.origin}, which is not encrypted: not followed.`);
  }
  const keepsMethod = [307, 308].includes(status) || ["GET", "HEAD"].includes(method);
  if (!keepsMethod) {
    throw odd(url, `answers ${method} with ${status}, a redirect that drops what is sent.`);
  }
  return target;
}

/** Where to go on to; undefined if this is the answer. @throws ClipError for one that says no. */
function nextOf(answer: HubAnswer, options: AskOptions): URL | undefined {
  const { accepts = [], follows = () => true, method = "GET" } = options;
  const { url, status, headers } = answer;
  const target = redirectOf(answer, method);
  if (target !== undefined && follows(answer, target)) return target;
  if (status >= 400 && !accepts.includes(status)) throw refused(url, status, headers);
  return undefined;
}

/**
 * Asks once, and follows redirects. The token goes to the endpoint's origin alone, and not there either
 * once a redirect has led away from it.
 * @throws ClipError for a network that fails and an answer of 400 or more.
 */
export async function askOnce(url: string, settings: HubSettings, options: AskOptions = {}): Promise<HubAnswer> {
  const { token, timeout = defaultTimeout } = settings;
  const home = originOf(settings.endpoint);
  let shows = options.isAnonymous !== true && token !== undefined;
  let target = new URL(url);
  for (let redirected = 0; redirected <= mostRedirects; redirected++) {
    shows &&= target.origin === home;
    const rights = shows ? { authorization: authorization(token ?? "") } : {};
    const headers = { ...options.headers, "user-agent": "clip-ts", ...rights };
    const answer = await exchange(target.href, { signal: settings.signal, ...options, headers }, timeout);
    try {
      const next = nextOf(answer, options);
      if (next === undefined) return answer;
      target = next;
    } catch (error) {
      answer.discard();
      throw error;
    }
    answer.discard();
  }
  throw odd(url, `sends on more than ${mostRedirects} times.`);
}

/** Statuses by which a server says that it has done nothing. */
const undone: ReadonlySet<number | undefined> = new Set([429, 503]);

/** Asks as often as the settings allow. */
export function requestHub<T = HubAnswer>(
  url: string,
  settings: HubSettings,
  options: AskOptions & { readonly read?: (answer: HubAnswer) => Promise<T> | T } = {},
): Promise<T> {
  const { read = (answer: HubAnswer) => answer as T } = options;
  return withRetries(settings, async () => {
    try {
      return await read(await askOnce(url, settings, options));
    } catch (error) {
      if (options.isOnce !== true || undone.has(statusOf(error))) throw error;
      throw perhapsDone(error);
    }
  });
}

/** A failure after which nobody knows whether the hub did what it was asked. */
function perhapsDone(error: unknown): unknown {
  if (!(error instanceof ClipError) || error.data["isTransient"] !== true) return error;
  const message = `${error.message} It may have been done all the same: look before you try again.`;
  const data = { ...error.data, isTransient: false };
  return new ClipError(error.code, message, { data, cause: error });
}
