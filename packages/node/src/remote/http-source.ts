import { odd, type HubAnswer } from "@clip-ts/hub";
import { askHttp } from "./ask-http.ts";
import { checksumIn, continues, rangeIn, validatorIn, versionIn } from "./http-headers.ts";
import type { RemoteSettings } from "./remote-options.ts";
import {
  hasChanged,
  mustStartOver,
  type RemoteBody,
  type RemoteFacts,
  type RemoteSource,
  type Rest,
} from "./remote-source.ts";

/** There is no such file, or no longer. */
const absent: ReadonlySet<number> = new Set([404, 410]);

function factsIn({ headers, url, status }: HubAnswer, bytes: number): RemoteFacts {
  if (/html/iu.test(headers.get("content-type") ?? "")) throw odd(url, "answers with a page, not with a file.");
  const version = versionIn(headers) ?? `${bytes} bytes`;
  return { bytes, version, validator: validatorIn(headers), checksum: checksumIn(headers, status === 206) };
}

/** The length that an answer's head tells; undefined where its body is packed or comes in pieces. */
function lengthIn(headers: Headers): number | undefined {
  const length = headers.get("content-length") ?? "";
  return !isPacked(headers) && /^\d+$/u.test(length) ? Number(length) : undefined;
}

const isPacked = (headers: Headers): boolean => !/^(identity)?$/iu.test(headers.get("content-encoding") ?? "");

/** Asks for the first byte, for servers that know no HEAD, and for addresses that are signed for GET alone. */
async function factsByGet(place: string, settings: RemoteSettings): Promise<RemoteFacts | undefined> {
  const headers = { range: "bytes=0-0" };
  const answer = await askHttp(place, settings, { headers, accepts: [...absent, 416] });
  answer.discard();
  const { status, url } = answer;
  if (absent.has(status)) return undefined;
  const bytes = status === 200 ? lengthIn(answer.headers) : rangeIn(answer.headers)?.total;
  if (bytes !== undefined && !isPacked(answer.headers)) return factsIn(answer, bytes);
  throw odd(
    url,
    "does not say how long the file is as it lies there, so that a cut could not be told: serve it as a file.",
  );
}

async function facts(place: string, settings: RemoteSettings): Promise<RemoteFacts | undefined> {
  const answer = await askHttp(place, settings, { method: "HEAD", accepts: [400, 403, 405, 501, ...absent] });
  answer.discard();
  if (absent.has(answer.status)) return undefined;
  const bytes = lengthIn(answer.headers);
  return answer.status === 200 && bytes !== undefined ? factsIn(answer, bytes) : factsByGet(place, settings);
}

/** @throws ClipError where the answer is of another version than was asked about, or not the file as it lies there. */
function checkSame({ headers, url }: HubAnswer, place: string, facts: RemoteFacts): void {
  const version = versionIn(headers);
  const wasTold = facts.validator !== undefined || facts.version.startsWith("W/");
  if (wasTold && version !== undefined && version !== facts.version) throw hasChanged(place);
  if (isPacked(headers)) throw odd(url, "sends the file packed (Content-Encoding), though it was asked not to.");
}

/** Where an answer to a wish for the rest begins. @throws ClipError where it is not what was asked for. */
function startOf({ status, headers, url }: HubAnswer, place: string, { facts, from }: Rest): number {
  if (status === 200) {
    const bytes = lengthIn(headers) ?? facts.bytes;
    if (bytes === facts.bytes) return 0;
    throw odd(url, `sends ${bytes} bytes where it said ${facts.bytes}.`);
  }
  if (status === 206 && continues(headers, { facts, from })) return from;
  const range = `Content-Range: ${headers.get("content-range")}`;
  throw mustStartOver(place, `answers ${status} (${range}) where bytes from ${from} on were asked for.`);
}

/** How a body that was asked for whole, of whatever version, is: @throws ClipError if a cut could not be told. */
function checkEnd({ headers, url, status }: HubAnswer): void {
  if (status !== 200) throw odd(url, `answers ${status} where a file was asked for.`);
  const told = headers.has("content-length") || headers.has("transfer-encoding") || isPacked(headers);
  if (!told) throw odd(url, "does not say how long the file is, so that a cut could not be told.");
}

function bodyOf(answer: HubAnswer, place: string, rest: Rest | undefined): RemoteBody {
  const { chunks, discard } = answer;
  if (rest === undefined) {
    checkEnd(answer);
    return { start: 0, bytes: lengthIn(answer.headers), chunks, discard };
  }
  checkSame(answer, place, rest.facts);
  return { start: startOf(answer, place, rest), bytes: rest.facts.bytes, chunks, discard };
}

async function open(place: string, settings: RemoteSettings, rest: Rest | undefined): Promise<RemoteBody | undefined> {
  const { facts, from = 0 } = rest ?? {};
  const headers = from > 0 ? { range: `bytes=${from}-`, "if-range": facts?.validator ?? "" } : {};
  const answer = await askHttp(place, settings, { headers, accepts: [...absent, 416] });
  try {
    if (!absent.has(answer.status)) return bodyOf(answer, place, rest);
  } catch (error) {
    answer.discard();
    throw error;
  }
  answer.discard();
  return undefined;
}

/** Files on web servers. User and password in an address go to its origin as Basic authentication. */
export function httpSource(settings: RemoteSettings): RemoteSource {
  return {
    facts: (place) => facts(place, settings),
    open: (place, rest) => open(place, settings, rest),
  };
}
