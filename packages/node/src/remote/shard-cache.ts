import { createHash } from "node:crypto";
import { utimesSync, statSync } from "node:fs";
import { mkdir, readdir, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { withFileLock } from "@clip-ts/files";
import { CacheHolds } from "./cache-holds.ts";
import { nameOf, shownPlace } from "./places.ts";
import type { RemoteSettings } from "./remote-options.ts";
import { inBytes, type RemoteFacts } from "./remote-source.ts";

/** A place in the cache that is kept for this process until it is released. */
export interface Claim {
  readonly path: string;
  /** Where the bytes of `path` are collected. */
  readonly partial: string;
  /** Locked by whoever collects them. */
  readonly lock: string;
  /** Whether the file is there already. */
  readonly isWhole: boolean;
  readonly release: () => void;
}

/** A version of a file in the cache: all files that begin with its name. */
interface Entry {
  readonly names: string[];
  bytes: number;
  /** When it was last used. */
  used: number;
}

const usualLimit = 50 * 2 ** 30;
const usualShare = 0.8;

/** Milliseconds after which a process that tidies the cache counts as hanging. */
const patience = 120_000;

const hash = (text: string, length: number): string => createHash("sha256").update(text).digest("hex").slice(0, length);

/** Characters of an entry's name: 16 of the place's hash, a hyphen, 12 of the version's. */
const nameLength = 29;

/** The end of a place, for people who look into the folder and for readers that go by endings. */
const ending = (place: string): string =>
  (
    place
      .replace(/[?#].*$/u, "")
      .split("/")
      .at(-1) ?? ""
  )
    .replaceAll(/[^\w.-]/gu, "_")
    .slice(-60);

/** A folder of copies with a byte limit that several processes share. */
export class ShardCache {
  readonly #settings: RemoteSettings;
  readonly #files: string;
  readonly #locks: string;
  readonly #notes: string;
  #holds: CacheHolds | undefined;
  /** Ends when those of this process have had the folder that asked before. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(settings: RemoteSettings) {
    this.#settings = settings;
    this.#files = join(settings.cacheFolder, "files");
    this.#locks = join(settings.cacheFolder, "locks");
    this.#notes = join(settings.cacheFolder, "holds");
  }

  /**
   * Keeps room for a version of a file, and drops what was used longest ago where the limit asks for it.
   * @throws ClipError "not-written" where what is held leaves no room.
   */
  async claim(place: string, { bytes, version }: RemoteFacts): Promise<Claim> {
    for (const folder of [this.#files, this.#locks, this.#notes]) {
      await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
        throw this.#unusable(`cannot be made: ${(cause as Error).message}`, cause);
      });
    }
    const holds = (this.#holds ??= new CacheHolds(this.#notes));
    const entry = `${hash(nameOf(place), 16)}-${hash(version, 12)}`;
    const path = join(this.#files, `${entry}.${ending(place)}`);
    let isTaken = false;
    const release = (): void => {
      if (!isTaken) return;
      isTaken = false;
      touch(path);
      holds.give(entry);
    };
    try {
      const isWhole = await this.#alone(async () => {
        isTaken = true;
        await holds.take(entry, bytes);
        if ((await stat(path).catch(() => undefined))?.size === bytes) return true;
        await rm(path, { force: true });
        await this.#makeRoom(place, entry, bytes);
        return false;
      });
      touch(path);
      return { path, partial: `${path}.partial`, lock: join(this.#locks, `${entry}.lock`), isWhole, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Gives everything back that is held. */
  close(): void {
    this.#holds?.close();
    this.#holds = undefined;
  }

  #unusable(what: string, cause?: unknown): ClipError {
    const { cacheFolder } = this.#settings;
    const message = `The cache ${cacheFolder} ${what}. Set \`cacheFolder\` to a folder that can be written to.`;
    return new ClipError("not-written", message, { data: { cacheFolder }, cause });
  }

  /** Does something while nobody else, here or in another process, changes what is kept. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const { signal, cacheFolder } = this.#settings;
    const wait = { patience, signOfLife: () => Promise.resolve(signal.throwIfAborted()) };
    const turn = this.#turn.then(() =>
      withFileLock(join(cacheFolder, "cache.lock"), wait, (isLocked) => {
        signal.throwIfAborted();
        if (isLocked) return work();
        throw this.#unusable("cannot be locked");
      }),
    );
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #entries(): Promise<Map<string, Entry>> {
    const entries = new Map<string, Entry>();
    for (const name of await readdir(this.#files)) {
      const found = await stat(join(this.#files, name)).catch(() => undefined);
      if (found === undefined) continue;
      const key = name.slice(0, nameLength);
      const entry = entries.get(key) ?? { names: [], bytes: 0, used: 0 };
      entry.names.push(name);
      entry.bytes += found.size;
      entry.used = Math.max(entry.used, found.atimeMs);
      entries.set(key, entry);
    }
    return entries;
  }

  /** Bytes that the cache may take now, given what it takes: never more than the disk has. */
  async #limit(taken: number): Promise<number> {
    const disk = await statfs(this.#files).catch(() => undefined);
    const room = disk === undefined || disk.blocks === 0 ? Infinity : taken + disk.bavail * disk.bsize;
    return Math.min(this.#settings.cacheBytes ?? Math.min(usualLimit, usualShare * room), room);
  }

  async #makeRoom(place: string, own: string, bytes: number): Promise<void> {
    const entries = await this.#entries();
    const held = await this.#holds!.all();
    const taken = [...entries.values()].reduce((sum, entry) => sum + entry.bytes, 0);
    const limit = await this.#limit(taken);
    entries.delete(own);
    let others = 0;
    for (const [key, entry] of entries) others += held.has(key) ? 0 : entry.bytes;
    const kept = [...held].filter(([key]) => key !== own);
    const keptBytes = kept.reduce((sum, [key, will]) => sum + Math.max(will, entries.get(key)?.bytes ?? 0), 0);
    if (keptBytes + bytes > limit) throw noRoom({ place, bytes, limit, held: kept.length, heldBytes: keptBytes });
    const oldestFirst = [...entries].filter(([key]) => !held.has(key)).toSorted(([, a], [, b]) => a.used - b.used);
    for (const [key, entry] of oldestFirst) {
      if (others + keptBytes + bytes <= limit) return;
      await this.#drop(key, entry);
      others -= entry.bytes;
    }
  }

  async #drop(key: string, { names }: Entry): Promise<void> {
    // a file that Windows does not let go of is tried again the next time
    for (const name of names) await rm(join(this.#files, name), { force: true }).catch(() => undefined);
    await rm(join(this.#locks, `${key}.lock`), { force: true }).catch(() => undefined);
    this.#settings.counts.dropped++;
  }
}

/** Notes that a file is used, in its time of access; that of change stays, in whole milliseconds. */
export function touch(path: string): void {
  try {
    utimesSync(path, new Date(), statSync(path).mtime);
  } catch {
    // it is not there yet, or another user's
  }
}

interface Shortage {
  readonly place: string;
  readonly bytes: number;
  readonly limit: number;
  readonly held: number;
  readonly heldBytes: number;
}

function noRoom({ place, ...data }: Shortage): ClipError {
  const { bytes, limit, held, heldBytes } = data;
  const message =
    `${shownPlace(place)} has ${inBytes(bytes)}, and of the ${inBytes(limit)} that the cache may take, ` +
    `${inBytes(heldBytes)} in ${held} shards are held: let \`cacheBytes\` be at least ${bytes + heldBytes}, where the ` +
    "disk has them, or read fewer shards at once.";
  return new ClipError("not-written", message, { data: { place: shownPlace(place), ...data } });
}
