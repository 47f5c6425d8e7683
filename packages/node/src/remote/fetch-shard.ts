import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { ClipError } from "@clip-ts/base";
import { broken, isTransient, odd, startRetries } from "@clip-ts/hub";
import { shownPlace } from "./places.ts";
import type { RemoteSettings } from "./remote-options.ts";
import { mustStartOver, startsOver, type RemoteBody, type RemoteFacts, type RemoteSource } from "./remote-source.ts";

/** A file on its way: from where, which, and where its bytes are collected. */
export interface ShardFetch {
  readonly source: RemoteSource;
  readonly place: string;
  readonly facts: RemoteFacts;
  /** What lies there already is the beginning of this file and not fetched again. */
  readonly partial: string;
}

/** So many bytes more than ever before count as progress, after which tries are counted anew. */
const worthwhile = 2 ** 20;

/** A connection that brings less within a time-out counts as dead: a file of 500 MB would take months. */
const leastPerTimeout = 1024;

/** Bytes of a file; 0 if there is none. */
async function sizeAt(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** What the system says, for a disk that does not take what is written. */
function unwritten(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !("syscall" in cause)) return cause;
  const isFull = "code" in cause && (cause.code === "ENOSPC" || cause.code === "EDQUOT");
  const reason = isFull ? "the disk is full" : cause.message;
  const message = `${path} cannot be written: ${reason}. Make room, lower \`cacheBytes\` or set \`cacheFolder\`.`;
  return new ClipError("not-written", message, { data: { path }, cause });
}

/** The bytes of a body, no more than are expected, as long as enough of them come. */
async function* bounded(body: RemoteBody, { place, facts }: ShardFetch, settings: RemoteSettings) {
  let [received, recent, since] = [body.start, 0, Date.now()];
  for await (const chunk of body.chunks()) {
    received += chunk.byteLength;
    recent += chunk.byteLength;
    settings.counts.bytes += chunk.byteLength;
    if (received > facts.bytes) throw odd(shownPlace(place), `sends more than the ${facts.bytes} bytes it said.`);
    yield chunk;
    if (Date.now() - since < settings.timeout) continue;
    if (recent < leastPerTimeout)
      throw broken(shownPlace(place), new Error(`${recent} bytes in ${settings.timeout} ms`));
    [recent, since] = [0, Date.now()];
  }
}

/** Writes a body's bytes behind those that are there, also those that came before a connection broke. */
async function collect(body: RemoteBody, fetched: ShardFetch, settings: RemoteSettings): Promise<void> {
  const { partial } = fetched;
  let failure: unknown;
  async function* whatComes(): AsyncIterable<Uint8Array> {
    try {
      yield* bounded(body, fetched, settings);
    } catch (error) {
      failure = error; // the writer ends as usual, so that nothing it was given is lost
    }
  }
  try {
    const target = createWriteStream(partial, { flags: body.start > 0 ? "a" : "w", flush: true });
    await pipeline(whatComes(), target);
  } catch (error) {
    throw unwritten(partial, error);
  } finally {
    body.discard();
  }
  if (failure === undefined) return;
  // where the server is wrong, nobody knows which of its bytes are right
  if (!isTransient(failure) && !settings.signal.aborted) await rm(partial, { force: true });
  throw failure;
}

/** What an earlier try left, if it can be continued. */
async function usable({ facts, partial }: ShardFetch): Promise<number> {
  const lying = await sizeAt(partial);
  const isSound = lying === facts.bytes || (lying < facts.bytes && facts.validator !== undefined);
  if (isSound) return lying;
  await rm(partial, { force: true });
  return 0;
}

async function digest(path: string, algorithm: "crc32" | "md5" | "sha256"): Promise<string> {
  if (algorithm !== "crc32") {
    const hash = createHash(algorithm);
    await pipeline(createReadStream(path), hash);
    return hash.digest("hex");
  }
  let sum = 0;
  for await (const chunk of createReadStream(path)) sum = crc32(chunk as Buffer, sum);
  return sum.toString(16).padStart(8, "0");
}

/** Holds what was collected against the checksum that the server told, if it told one. */
async function check({ place, facts, partial }: ShardFetch): Promise<void> {
  if (facts.checksum === undefined) return;
  const { algorithm, value } = facts.checksum;
  const actual = await digest(partial, algorithm);
  if (actual === value) return;
  throw mustStartOver(
    place,
    `arrived damaged: its ${algorithm} is ${actual}, the server says ${value}. It was deleted.`,
  );
}

/** One try: continues what lies there, or starts anew where the server does not continue. */
async function fetchOnce(fetched: ShardFetch, settings: RemoteSettings): Promise<void> {
  const { source, place, facts, partial } = fetched;
  const from = await usable(fetched);
  if (from < facts.bytes || from === 0) {
    const body = await source.open(place, { facts, from });
    if (body === undefined) throw odd(shownPlace(place), "is gone.");
    await collect(body, fetched, settings);
    const received = await sizeAt(partial);
    if (received < facts.bytes) {
      throw broken(shownPlace(place), new Error(`it ended after ${received} of ${facts.bytes} bytes`));
    }
  }
  await check(fetched);
}

/** Says of the last failure how often it was tried, and that nothing is lost. */
function inTheEnd(error: unknown, tries: number, kept: number): unknown {
  if (!(error instanceof ClipError)) return error;
  const rest = kept > 0 ? ` The ${kept} bytes that arrived are kept; run it again to continue.` : "";
  const message = `${error.message} It was tried ${tries === 1 ? "once" : `${tries} times`}.${rest}`;
  return new ClipError(error.code, message, { data: { ...error.data, tries }, cause: error });
}

/**
 * Collects a file whole in `partial`, taking a broken connection up again where it broke; length and checksum are
 * those that the server told. @throws ClipError for a server that refuses, breaks or stalls too often or contradicts
 * itself, a file that changes meanwhile, and a full disk.
 */
export async function fetchShard(fetched: ShardFetch, settings: RemoteSettings): Promise<void> {
  const { again, reset } = startRetries(settings);
  let most = await sizeAt(fetched.partial);
  for (let tries = 1; ; tries++) {
    try {
      await fetchOnce(fetched, settings);
      settings.counts.fetched++;
      return;
    } catch (error) {
      if (startsOver(error)) await rm(fetched.partial, { force: true });
      const kept = await sizeAt(fetched.partial);
      if (kept - most >= worthwhile) reset();
      most = Math.max(most, kept);
      await again(error).catch((last: unknown) => {
        throw settings.signal.aborted ? settings.signal.reason : inTheEnd(last, tries, kept);
      });
      settings.counts.again++;
    }
  }
}
