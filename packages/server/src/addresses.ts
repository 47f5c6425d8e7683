import { lookup as lookUp } from "node:dns/promises";
import { request as requestHttp, type IncomingMessage, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { refusal } from "./refusals.ts";

/** Whether a server may connect to an address, such as "203.0.113.7" or "2001:db8::1". */
export type AddressRule = (address: string) => boolean;

/** Addresses open to the network's own machines alone that lie in no range set aside: Azure's wire server. */
const ownServices: ReadonlySet<string> = new Set(["168.63.129.16"]);

/**
 * Whether an address is one of the public internet: not of this machine, its network (private, link-local, carrier-grade
 * NAT), many at once, or set aside, also where IPv6 wraps it (mapped, 6to4, Teredo, NAT64). Cloud metadata
 * (169.254.169.254, fd00:ec2::254, 100.100.100.200) lies in these ranges. IANA's special-purpose registries, by ipaddr.js.
 */
export const isPublicAddress: AddressRule = (address) => {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return parsed.range() === "unicast" && !ownServices.has(parsed.toString());
};

function refusedAddress(host: string): Error {
  const message = `${host} is not an address of the public internet: pictures are not fetched from there.`;
  return refusal(400, message, { code: "address_refused" });
}

/** Resolves a name once, and refuses it if any of its addresses may not be connected to. What it gives is what is used. */
function guardedLookup(rule: AddressRule): LookupFunction {
  return (host, options, callback) => {
    const resolve = async (): Promise<void> => {
      const found = await lookUp(host, { ...options, all: true });
      if (found.length === 0 || !found.every(({ address }) => rule(address))) throw refusedAddress(host);
      const [first] = found;
      if (options.all === true) callback(null, found);
      else if (first !== undefined) callback(null, first.address, first.family);
    };
    resolve().catch((error: NodeJS.ErrnoException) => callback(error, "", 0));
  };
}

/** What an address answered, as `fetchImage` reads it. */
export interface GuardedAnswer {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly chunks: () => AsyncIterable<Uint8Array>;
  readonly discard: () => void;
}

/** The head of the answer; its body is still to come. */
function answered(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const start = url.protocol === "https:" ? requestHttps : requestHttp;
    const request = start(url, options, resolve);
    const { timeout = 0 } = options;
    request.setTimeout(timeout, () => request.destroy(silent(url, timeout)));
    request.on("error", reject);
    request.end();
  });
}

const silent = (url: URL, timeout: number): Error =>
  refusal(400, `${url.origin} was silent for ${timeout / 1000} s.`, { code: "picture_not_fetched" });

function headersOf(message: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  return headers;
}

/** What one request of `createGuardedSend` takes. */
interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends GET requests to addresses that a rule allows, for `fetchImage`: a name is resolved once, all its addresses are
 * checked, and the connection goes to what was checked, so that a name cannot answer otherwise a second time.
 */
export function createGuardedSend(
  rule: AddressRule = isPublicAddress,
): (address: string, options: SendOptions, timeout: number) => Promise<GuardedAnswer> {
  const lookup = guardedLookup(rule);
  return async (address, { headers = {}, signal }, timeout) => {
    const url = new URL(address);
    const host = url.hostname.replaceAll(/^\[|\]$/gu, "");
    if (ipaddr.isValid(host) && !rule(host)) throw refusedAddress(host); // no name, so it is not looked up
    const options = { headers, timeout, lookup, agent: false, ...(signal !== undefined && { signal }) };
    const message = await answered(url, options).catch((cause: unknown) => {
      if (cause instanceof Error && "code" in cause && cause.code === "bad-argument") throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw refusal(400, `${url.origin} cannot be reached: ${reason}`, { code: "picture_not_fetched", cause });
    });
    return {
      url: address,
      status: message.statusCode ?? 0,
      headers: headersOf(message),
      chunks: () => message as AsyncIterable<Uint8Array>,
      discard: () => void message.destroy(),
    };
  };
}
