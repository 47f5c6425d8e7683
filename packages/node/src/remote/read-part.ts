import { broken, odd } from "@clip-ts/hub";
import { shownPlace } from "./places.ts";
import type { RemoteSettings } from "./remote-options.ts";
import { mustStartOver, type RemoteBody, type RemoteSource } from "./remote-source.ts";
import { factsOf, trying } from "./remote-store.ts";

/** So many bytes are passed over where a server knows no ranges; a part further on is not worth the way. */
const mostPassedOver = 2 ** 26;

/** The part of a file that is wanted. */
export interface Part {
  readonly offset: number;
  readonly length: number;
}

/** Bytes of a body from `offset` on, as many as are wanted; the connection is given up then. */
async function take(body: RemoteBody, place: string, { offset, length }: Part): Promise<Uint8Array> {
  const target = new Uint8Array(length);
  let at = body.start;
  let filled = 0;
  for await (const chunk of body.chunks()) {
    const from = Math.max(0, offset - at);
    const wanted = chunk.subarray(from, from + length - filled);
    target.set(wanted, filled);
    filled += wanted.byteLength;
    at += chunk.byteLength;
    if (filled === length) return target;
  }
  throw broken(shownPlace(place), new Error(`it ended ${length - filled} bytes early`));
}

/**
 * A part of a file elsewhere, fewer bytes at its end, without the rest; undefined if there is no such file. From a server
 * that knows no ranges what lies before it is passed over, 64 MiB at most.
 */
export async function readPartFrom(
  source: RemoteSource,
  place: string,
  { offset, length, settings }: Part & { readonly settings: RemoteSettings },
): Promise<Uint8Array | undefined> {
  const facts = await factsOf(source, place, settings);
  if (facts === undefined) return undefined;
  const there = Math.min(length, facts.bytes - offset);
  if (there <= 0) return new Uint8Array(0);
  return trying(settings, async () => {
    const body = await source.open(place, { facts, from: offset });
    if (body === undefined) throw mustStartOver(place, "is no longer there.");
    try {
      if (offset - body.start > mostPassedOver) {
        throw odd(shownPlace(place), "lies on a server that sends no parts of files (HTTP ranges): fetch it whole.");
      }
      return await take(body, place, { offset, length: there });
    } finally {
      body.discard();
    }
  });
}
