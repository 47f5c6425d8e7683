import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ClipError } from "@clip-ts/base";
import { syncFolder, withFileLock } from "@clip-ts/files";
import { broken, isOut, odd, startRetries } from "@clip-ts/hub";
import type { HeldFile } from "../shards/shard-store.ts";
import { fetchShard } from "./fetch-shard.ts";
import { shownPlace } from "./places.ts";
import type { RemoteSettings } from "./remote-options.ts";
import { isChanged, type RemoteFacts, type RemoteSource } from "./remote-source.ts";
import { touch, type Claim, type ShardCache } from "./shard-cache.ts";

/** Shards on their way at once, in one process. */
const mostInFlight = 2;

/** A small file has to be whole within so many time-outs. */
const mostTimeouts = 5;

/** Times that a file is asked about anew which changes while it is fetched. */
const mostVersions = 3;

/** Lets no more than so many of what it is given run at once, first come first served. */
export function takingTurns(most: number = mostInFlight): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}

/** Does one thing until it succeeds, as often as the settings allow, and counts. */
export async function trying<T>(settings: RemoteSettings, attempt: () => Promise<T>): Promise<T> {
  const { again } = startRetries(settings);
  for (;;) {
    try {
      settings.signal.throwIfAborted();
      return await attempt();
    } catch (error) {
      await again(error);
      settings.counts.again++;
    }
  }
}

/** What is known of a file elsewhere. */
export function factsOf(
  source: RemoteSource,
  place: string,
  settings: RemoteSettings,
): Promise<RemoteFacts | undefined> {
  return trying(settings, () => source.facts(place));
}

/** A small file whole, into memory; no more than `most` bytes of it are taken. */
export function readSmallFrom(
  source: RemoteSource,
  place: string,
  { most, settings }: { readonly most: number; readonly settings: RemoteSettings },
): Promise<Uint8Array | undefined> {
  const tooLong = (): ClipError => odd(shownPlace(place), `has more than the ${most} bytes that such a file may have.`);
  return trying(settings, async () => {
    const body = await source.open(place);
    if (body === undefined) return undefined;
    try {
      if ((body.bytes ?? 0) > most) throw tooLong();
      const chunks: Uint8Array[] = [];
      let length = 0;
      const start = Date.now();
      for await (const chunk of body.chunks()) {
        length += chunk.byteLength;
        if (Date.now() - start > mostTimeouts * settings.timeout)
          throw broken(shownPlace(place), new Error("it trickles"));
        if (length > most) throw tooLong();
        chunks.push(chunk);
      }
      return new Uint8Array(Buffer.concat(chunks, length));
    } finally {
      body.discard();
    }
  });
}

/** What holding needs beside the place. */
export interface Holding {
  readonly cache: ShardCache;
  readonly settings: RemoteSettings;
  readonly turns: ReturnType<typeof takingTurns>;
  /** What was last heard of files, for when a server is out of reach that has nothing to add. */
  readonly known: Map<string, RemoteFacts>;
}

/** What is known of a file that must be there; where the server is out, what it said before. */
async function factsToHold(source: RemoteSource, place: string, { settings, known }: Holding): Promise<RemoteFacts> {
  const facts = await factsOf(source, place, settings).catch((error: unknown) => {
    const before = known.get(place);
    if (before === undefined || !isOut(error)) throw error;
    settings.onNotice?.(`${(error as Error).message} What it said of the file before is taken.`);
    return before;
  });
  if (facts !== undefined) {
    known.set(place, facts);
    return facts;
  }
  const shown = shownPlace(place);
  throw new ClipError("not-found", `${shown}: there is no such file.`, { data: { place: shown } });
}

/**
 * Brings a claimed file into its place, once on this machine however many processes want it. Without the lock its
 * bytes are collected under a name of this process's own: then two may fetch the same, and both succeed.
 */
async function bring(source: RemoteSource, place: string, facts: RemoteFacts, holding: Holding & { claim: Claim }) {
  const { settings, claim } = holding;
  const { timeout, retry, signal, onNotice, counts } = settings;
  const signOfLife = async (): Promise<string> => {
    signal.throwIfAborted();
    const found = await stat(claim.partial).catch(() => undefined);
    return `${found?.size} ${found?.mtimeMs}`;
  };
  const onTaken = (): void => onNotice?.(`Another process fetches ${shownPlace(place)}: waiting for it.`);
  const wait = { patience: 2 * timeout + retry.longestWait, signOfLife, onTaken };
  await withFileLock(claim.lock, wait, async (isLocked) => {
    signal.throwIfAborted();
    if (existsSync(claim.path)) {
      counts.found++;
      return;
    }
    const partial = isLocked ? claim.partial : `${claim.path}.${randomUUID().slice(0, 8)}.partial`;
    try {
      await fetchShard({ source, place, facts, partial }, settings);
      touch(partial);
      await rename(partial, claim.path);
    } finally {
      if (!isLocked) await rm(partial, { force: true });
    }
    await syncFolder(dirname(claim.path));
  });
}

/** Has a file in the cache, fetched whole, until it is released. @throws ClipError where it cannot be had. */
export async function holdFrom(source: RemoteSource, place: string, holding: Holding): Promise<HeldFile> {
  const { cache, settings, turns } = holding;
  for (let round = 1; ; round++) {
    const facts = await factsToHold(source, place, holding);
    const claim = await cache.claim(place, facts);
    try {
      if (claim.isWhole) settings.counts.found++;
      else await turns(() => bring(source, place, facts, { ...holding, claim }));
      return { path: claim.path, bytes: facts.bytes, version: facts.version, release: claim.release };
    } catch (error) {
      claim.release();
      if (!isChanged(error) || round >= mostVersions) throw error;
      settings.onNotice?.(`${(error as Error).message} Asking for it anew.`);
    }
  }
}

/** The names right under a prefix; undefined where the server cannot tell. */
export function listFrom(
  source: RemoteSource,
  folder: string,
  settings: RemoteSettings,
): Promise<readonly string[]> | undefined {
  const { list } = source;
  return list === undefined ? undefined : trying(settings, () => list(folder));
}
