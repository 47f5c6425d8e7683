import { createWriteStream } from "node:fs";
import { rm, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";
import { startRetries, type HubAnswer } from "./exchange.ts";
import { asTheyAre, type FileFacts } from "./hub-answers.ts";
import { broken, isTransient, odd } from "./hub-errors.ts";
import { etagOf, type HubSettings } from "./hub-settings.ts";
import { askOnce } from "./request-hub.ts";

/** A download under way: what, to where, and who hears of its bytes. */
export interface BlobRequest {
  readonly settings: HubSettings;
  readonly facts: FileFacts;
  /** Where the bytes are collected; what lies there already is not fetched again. */
  readonly partial: string;
  readonly onBytes: (received: number, total: number | undefined) => void;
}

/** A try that brought so many bytes counts as progress, after which tries are counted anew. */
const worthwhile = 2 ** 20;

/** Bytes taken of a file whose size nobody announces: the hub announces that of all weights. */
const mostUnannounced = 2 ** 28;

/** Bytes of a file; 0 if there is none. */
export async function sizeAt(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** What the system says, for a disk that does not take what is written. */
function unwritten(partial: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !("code" in cause)) return cause;
  const isFull = cause.code === "ENOSPC" || cause.code === "EDQUOT";
  const reason = isFull ? "the disk is full" : cause.message;
  return new ClipError(
    "not-written",
    `${partial} cannot be written: ${reason}. Make room or set HF_HUB_CACHE to a folder elsewhere; ` +
      "what arrived is kept.",
    { data: { path: partial }, cause },
  );
}

/** Refuses what the disk has no room for, before hours are spent on it. */
async function checkRoom(partial: string, missing: number): Promise<void> {
  const disk = await statfs(dirname(partial)).catch(() => undefined);
  if (disk === undefined || disk.blocks === 0) return; // a file system that does not tell
  const free = disk.bavail * disk.bsize;
  if (missing <= free) return;
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  throw new ClipError(
    "not-written",
    `${partial} needs ${mebibytes(missing)}, and the disk has ${mebibytes(free)} left: make room or ` +
      "set HF_HUB_CACHE to a folder elsewhere.",
    { data: { path: partial, missing, free } },
  );
}

/** Whether an answer is the rest that was asked for: of this file, and from this byte on. */
function isRest({ status, headers, url }: HubAnswer, { etag, size, ...asked }: FileFacts, have: number) {
  if (status !== 206) return false;
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/u.exec(headers.get("content-range") ?? "") ?? [];
  if (start !== String(have)) return false;
  if (size !== undefined && total !== "*" && total !== String(size)) return false;
  // a store that the hub sends on to has ETags of its own
  return url !== asked.url || (etagOf(headers.get("etag"), url) ?? etag) === etag;
}

/** Asks for what is missing; what lies there is thrown away if the server does not continue it. */
async function askRest(
  { settings, facts, partial }: BlobRequest,
  have: number,
): Promise<{ readonly answer: HubAnswer; readonly have: number }> {
  if (have > 0) {
    const headers = { ...asTheyAre, range: `bytes=${have}-` };
    const answer = await askOnce(facts.url, settings, { headers, accepts: [416] });
    if (answer.status === 200) return { answer, have: 0 }; // it knows no ranges, and sends it whole
    if (isRest(answer, facts, have)) return { answer, have };
    answer.discard();
    await rm(partial, { force: true });
  }
  const answer = await askOnce(facts.url, settings, { headers: asTheyAre });
  if (answer.status === 200) return { answer, have: 0 };
  answer.discard();
  throw odd(answer.url, `answers ${answer.status} where a whole file was asked for.`);
}

/** The bytes of an answer, no more than are expected. */
async function* bounded(answer: HubAnswer, limit: number, onBytes: (bytes: number) => void): AsyncIterable<Uint8Array> {
  const tooMuch = (): ClipError => odd(answer.url, `sends more than the ${limit} bytes it may.`);
  const announced = Number(answer.headers.get("content-length") ?? 0);
  if (announced > limit && !answer.headers.has("content-encoding")) throw tooMuch();
  let received = 0;
  for await (const chunk of answer.chunks()) {
    received += chunk.byteLength;
    if (received > limit) throw tooMuch();
    onBytes(chunk.byteLength);
    yield chunk;
  }
}

/**
 * Writes an answer's bytes behind those that are there, also those that came before a connection broke.
 * @returns how many there are then.
 */
async function collect(request: BlobRequest, answer: HubAnswer, have: number): Promise<number> {
  const { facts, partial, onBytes } = request;
  let received = have;
  let failure: unknown;
  const hear = (bytes: number): void => onBytes((received += bytes), facts.size);
  async function* whatComes(): AsyncIterable<Uint8Array> {
    try {
      yield* bounded(answer, (facts.size ?? mostUnannounced) - have, hear);
    } catch (error) {
      failure = error; // the writer ends as usual, so that nothing it was given is lost
    }
  }
  try {
    const target = createWriteStream(partial, { flags: have > 0 ? "a" : "w", flush: true });
    await pipeline(whatComes(), target);
  } catch (error) {
    throw unwritten(partial, error);
  } finally {
    answer.discard();
  }
  if (failure === undefined) return received;
  // where the server is wrong, nobody knows which of its bytes are right
  if (!isTransient(failure) && request.settings.signal?.aborted !== true) await rm(partial, { force: true });
  throw failure;
}

/** What an earlier attempt left of a file: bytes, none of a thing that is longer than the file. */
async function usable(partial: string, size: number | undefined): Promise<number> {
  const lying = await sizeAt(partial);
  if (lying <= (size ?? mostUnannounced)) return lying;
  await rm(partial, { force: true });
  return 0;
}

/** One try: continues what lies there, or starts anew where the server does not continue. */
async function fetchOnce(request: BlobRequest): Promise<void> {
  const { size } = request.facts;
  const lying = await usable(request.partial, size);
  if (lying > 0 && lying === size) return;
  const { answer, have } = await askRest(request, lying);
  const received = await collect(request, answer, have);
  if (size === undefined || received === size) return;
  throw broken(answer.url, new Error(`it ended after ${received} of ${size} bytes`));
}

/**
 * Collects a file's bytes in `partial`, taking a broken connection up again where it broke. The hash is
 * not looked at.
 * @throws ClipError for a server that refuses, breaks or stalls too often, sends too much, or a full disk.
 */
export async function fetchBlob(request: BlobRequest): Promise<void> {
  const { settings, facts, partial } = request;
  await checkRoom(partial, (facts.size ?? 0) - (await sizeAt(partial)));
  const { again, reset } = startRetries(settings);
  for (;;) {
    const before = await sizeAt(partial);
    try {
      await fetchOnce(request);
      return;
    } catch (error) {
      if ((await sizeAt(partial)) - before >= worthwhile) reset();
      await again(error);
    }
  }
}
