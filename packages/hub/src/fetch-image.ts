import { ClipError } from "@clip-ts/base";
import { exchange, withRetries, type HubAnswer } from "./exchange.ts";
import { odd, refused, trickled } from "./hub-errors.ts";
import { defaultTimeout, hubSettings, type HubSettings } from "./hub-settings.ts";
import { redirectOf } from "./request-hub.ts";

/** How images are fetched from the web. */
export interface FetchImageOptions extends Pick<HubSettings, "timeout" | "retry" | "onNotice"> {
  /** Bytes that an image may have; 128 MiB by default. */
  readonly mostBytes?: number;
  /** Redirects that are followed; 10 by default. */
  readonly mostRedirects?: number;
  /** Sends each request, a redirect's too, in the place of `fetch`: for who has to know what is connected to. */
  readonly send?: typeof exchange;
}

const usualMostBytes = 2 ** 27;

/** An image has to be whole within so many time-outs, however slowly it trickles. */
const mostTimeouts = 5;
const usualMostRedirects = 10;

/** What statuses mean of an image; 401 and 403 alike: no token is ever sent. */
const meanings: Readonly<Record<number, string>> = {
  401: "it is not open to everyone",
  403: "it is not open to everyone",
  404: "there is no such image",
  410: "the image is gone",
  429: "too many requests: wait a while",
  500: "the server failed: try again later",
  503: "the server is busy or down: try again later",
};

/** Whether an image is named by its address on the web. */
export function isWebImage(place: string): boolean {
  return /^https?:\/\//iu.test(place);
}

/** The address, checked. @throws ClipError "bad-argument", which shows no password. */
function addressOf(place: string): string {
  const url = URL.canParse(place) ? new URL(place) : undefined;
  if (url === undefined) {
    throw new ClipError("bad-argument", `${place} is no address of an image.`, { data: { place } });
  }
  if (`${url.username}${url.password}` === "") return url.href;
  const message = `${url.origin}: addresses with a user or password are not fetched.`;
  throw new ClipError("bad-argument", message, { data: { place: url.origin } });
}

/** @throws ClipError unless the answer may hold an image of no more than so many bytes. */
function checkAnswer({ url, status, headers }: HubAnswer, mostBytes: number): void {
  if (status !== 200) throw refused(url, status, headers, meanings);
  const type = headers.get("content-type") ?? "";
  if (/html/iu.test(type)) throw odd(url, `answers with a page (${type}), not with an image.`);
  if (Number(headers.get("content-length")) > mostBytes) throw tooLarge(url, mostBytes);
}

const tooLarge = (url: string, mostBytes: number): ClipError =>
  odd(url, `answers with more than ${Math.floor(mostBytes / 2 ** 20)} MiB, too much for an image.`);

async function bodyOf({ url, chunks }: HubAnswer, mostBytes: number, limit: number): Promise<Uint8Array> {
  const start = Date.now();
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks()) {
    length += chunk.byteLength;
    parts.push(chunk);
    if (length > mostBytes) throw tooLarge(url, mostBytes);
    if (Date.now() - start > limit) throw trickled(url, limit);
  }
  return Buffer.concat(parts);
}

/** The options of one try, all of them. */
type Settled = Required<Pick<FetchImageOptions, "timeout" | "mostBytes" | "mostRedirects" | "send">>;

async function fetchOnce(address: string, settled: Settled): Promise<Uint8Array> {
  const { timeout, mostBytes, mostRedirects, send } = settled;
  const headers = { "user-agent": "clip-ts", accept: "image/*,*/*;q=0.5" };
  let target = address;
  for (let redirected = 0; redirected <= mostRedirects; redirected++) {
    const answer = await send(target, { headers }, timeout);
    try {
      const next = redirectOf(answer, "GET");
      if (next === undefined) {
        checkAnswer(answer, mostBytes);
        return await bodyOf(answer, mostBytes, mostTimeouts * timeout);
      }
      target = next.href;
    } finally {
      answer.discard();
    }
  }
  throw odd(address, `sends on more than ${mostRedirects} times.`);
}

/**
 * The bytes of an image that an http or https address answers. A connection that breaks, is silent for the
 * time-out (that of the hub, 60 s) or is refused for a while is tried again as the hub is; no token is sent.
 * @throws ClipError that names the address and says why not.
 */
export function fetchImage(place: string, options: FetchImageOptions = {}): Promise<Uint8Array> {
  const address = addressOf(place);
  const { mostBytes = usualMostBytes, mostRedirects = usualMostRedirects, send = exchange } = options;
  const { timeout = hubSettings().timeout ?? defaultTimeout } = options;
  return withRetries(options, () => fetchOnce(address, { timeout, mostBytes, mostRedirects, send }));
}
