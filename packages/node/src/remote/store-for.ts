import { fileURLToPath } from "node:url";
import { ClipError } from "@clip-ts/base";
import { hubSettings } from "@clip-ts/hub";
import type { ShardStore } from "../shards/shard-store.ts";
import { httpSource } from "./http-source.ts";
import { hubAddress, kindOf, shownPlace } from "./places.ts";
import { readPartFrom } from "./read-part.ts";
import { remoteSettings, type RemoteCounts, type RemoteOptions, type RemoteSettings } from "./remote-options.ts";
import type { RemoteSource } from "./remote-source.ts";
import { factsOf, holdFrom, listFrom, readSmallFrom, takingTurns } from "./remote-store.ts";
import { s3Source } from "./s3-source.ts";
import { ShardCache } from "./shard-cache.ts";

/** A store for places of every kind. */
export interface EveryStore extends ShardStore {
  list(folder: string): Promise<readonly string[]>;
  /** What was asked and fetched so far, of places elsewhere. */
  readonly counts: Readonly<RemoteCounts>;
}

/** A place and what reads it; undefined where that is this machine. */
interface Routed {
  readonly place: string;
  readonly source: RemoteSource | undefined;
}

/** Sends the hub's token to the hub, unless headers of one's own are given for it. */
function withToken(options: RemoteOptions): RemoteOptions {
  const { endpoint, token } = hubSettings();
  if (token === undefined || !URL.canParse(endpoint)) return options;
  const home = { [new URL(endpoint).origin]: { authorization: `Bearer ${token}` } };
  return { ...options, headers: { ...home, ...options.headers } };
}

/** Finds what reads a place; sources are made when the first place of their kind is asked for. */
function router(settings: RemoteSettings): { route: (place: string) => Routed; close: () => void } {
  const sources: { http?: RemoteSource; s3?: RemoteSource } = {};
  const route = (place: string): Routed => {
    const kind = kindOf(place);
    if (kind === "local") return { place: /^file:/iu.test(place) ? fileURLToPath(place) : place, source: undefined };
    if (kind === "s3") return { place, source: (sources.s3 ??= s3Source(settings)) };
    const address = kind === "hf" ? hubAddress(place, hubSettings().endpoint) : place;
    return { place: address, source: (sources.http ??= httpSource(settings)) };
  };
  const close = (): void => Object.values(sources).forEach((source) => source.close?.());
  return { route, close };
}

/**
 * One store for all places: paths and `file://` go to `local`; `http(s)://`, `s3://` (and stores that speak it) and
 * `hf://datasets/owner/name/path` are fetched whole into a cache that several processes share, two at a time, taken up
 * again where a connection breaks. S3 needs the optional package @aws-sdk/client-s3. Passwords and what is signed in
 * addresses are never shown. Close it at the end: it closes `local` too.
 * @throws ClipError "bad-argument" for options that make no sense; its calls "unsupported" for other kinds of places,
 * "not-found" and "bad-data" for servers that refuse, stay out or contradict themselves, "not-written" for a cache
 * without room, and "disposed" once it is closed.
 */
export function storeFor(local: ShardStore, options: RemoteOptions = {}): EveryStore {
  const control = new AbortController();
  const settings = remoteSettings(withToken(options), control.signal);
  const { route, close } = router(settings);
  const cache = new ShardCache(settings);
  const holding = { cache, settings, turns: takingTurns(), known: new Map() };
  const pending = new Set<Promise<unknown>>();
  const during = async <T>(work: () => Promise<T>): Promise<T> => {
    control.signal.throwIfAborted();
    const promise = work();
    pending.add(promise);
    try {
      return await promise;
    } finally {
      pending.delete(promise);
    }
  };
  return {
    counts: settings.counts,
    facts: (given) =>
      during(async () => {
        const { place, source } = route(given);
        if (source === undefined) return local.facts(place);
        const found = await factsOf(source, place, settings);
        return found === undefined ? undefined : { bytes: found.bytes, version: found.version };
      }),
    readSmall: (given, most) =>
      during(async () => {
        const { place, source } = route(given);
        return source === undefined ? local.readSmall(place, most) : readSmallFrom(source, place, { most, settings });
      }),
    readPart: (given, offset, length) =>
      during(async () => {
        const { place, source } = route(given);
        if (source !== undefined) return readPartFrom(source, place, { offset, length, settings });
        return local.readPart?.(place, offset, length) ?? Promise.reject(givesNoPart(place));
      }),
    hold: (given) =>
      during(async () => {
        const { place, source } = route(given);
        return source === undefined ? local.hold(place) : holdFrom(source, place, holding);
      }),
    list: (given) =>
      during(async () => {
        const { place, source } = route(given);
        const listing = source === undefined ? local.list?.(place) : listFrom(source, place, settings);
        return listing ?? Promise.reject(cannotList(place));
      }),
    async close() {
      control.abort(new ClipError("disposed", "The store of shards was closed."));
      await Promise.allSettled(pending);
      cache.close();
      close();
      await local.close();
    },
  };
}

const givesNoPart = (place: string): ClipError =>
  new ClipError("unsupported", `${place}: the local store gives no parts of files.`, { data: { place } });

const cannotList = (place: string): ClipError => {
  const shown = shownPlace(place);
  const message = `${shown}: web servers do not say what lies in a folder. Name the files, as in {00000..00099}.tar.`;
  return new ClipError("unsupported", message, { data: { place: shown } });
};
