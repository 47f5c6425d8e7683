import { ClipError } from "@clip-ts/base";
import { exchange, odd, redirectOf, refused, type HubAnswer } from "@clip-ts/hub";
import { shownPlace } from "./places.ts";
import type { RemoteSettings } from "./remote-options.ts";

/** Redirects followed for one request. */
const mostRedirects = 10;

const credentials =
  "the credentials looked for are user:password@ in the address and the option `headers` for its origin; " +
  "an address that was signed may have expired";

const meanings: Readonly<Record<number, string>> = {
  401: `you are not signed in: ${credentials}`,
  403: `this may not be read: ${credentials}`,
  404: "there is no such file",
  408: "the server waited too long for the request",
  410: "the file is gone",
  429: "too many requests",
  500: "the server failed",
  502: "the server is out of reach behind its own door",
  503: "the server is busy or down",
  504: "the server's own servers did not answer in time",
};

/** What a request sends, and statuses of 400 and more that are answers to it. */
export interface Question {
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  readonly accepts?: readonly number[];
}

/** The address without user and password, and the headers that its origin alone gets. @throws ClipError. */
function addressOf(place: string, { headers = {} }: RemoteSettings): { url: URL; rights: Record<string, string> } {
  if (!URL.canParse(place)) {
    const shown = shownPlace(place);
    throw new ClipError("bad-argument", `${shown} is no address.`, { data: { place: shown } });
  }
  const url = new URL(place);
  const rights: Record<string, string> = { ...headers[url.origin] };
  const [user, password] = [url.username, url.password].map(decodeURIComponent);
  if (`${user}${password}` !== "") {
    rights["authorization"] = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  }
  [url.username, url.password, url.hash] = ["", "", ""];
  return { url, rights };
}

/** Where to go on to; undefined if this is the answer. @throws ClipError for one that says no. */
function nextOf(answer: HubAnswer, { method = "GET", accepts = [] }: Question): URL | undefined {
  const next = redirectOf(answer, method);
  const { url, status, headers } = answer;
  if (next === undefined && status >= 400 && !accepts.includes(status)) throw refused(url, status, headers, meanings);
  return next;
}

/** Asks once, and follows redirects. @throws ClipError for what fails, is refused or leads elsewhere. */
export async function askHttp(place: string, settings: RemoteSettings, question: Question): Promise<HubAnswer> {
  const { url, rights } = addressOf(place, settings);
  const { signal, timeout } = settings;
  let [target, shows] = [url, true];
  settings.counts.tries++;
  for (let redirected = 0; redirected <= mostRedirects; redirected++) {
    shows &&= target.origin === url.origin;
    const headers = {
      ...question.headers,
      "accept-encoding": "identity",
      "user-agent": "clip-ts",
      ...(shows && rights),
    };
    const request = { method: question.method ?? "GET", headers, signal, timeoutSetBy: "`timeout`" } as const;
    const answer = await exchange(target.href, request, timeout);
    try {
      const next = nextOf(answer, question);
      if (next === undefined) return answer;
      target = next;
    } catch (error) {
      answer.discard();
      throw error;
    }
    answer.discard();
  }
  throw odd(url.href, `sends on more than ${mostRedirects} times.`);
}
