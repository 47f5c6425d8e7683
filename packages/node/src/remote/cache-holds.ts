import { createHash, randomUUID } from "node:crypto";
import { readlinkSync, rmSync } from "node:fs";
import { readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { isRunning } from "../running-process.ts";

/** Milliseconds between two signs of life that a process gives for what it holds. */
const heartbeat = 60_000;

/** What a process elsewhere holds is let go when it has not been heard of for so long. */
const silentElsewhere = 30 * heartbeat;

/** And what one here holds, in case that its number has become another's. */
const silentHere = 24 * 60 * heartbeat;

/** This machine, or the container on it, whose process numbers mean something here. */
function thisHost(): string {
  let space = "";
  try {
    space = readlinkSync("/proc/self/ns/pid");
  } catch {
    // only Linux has these
  }
  return createHash("sha256").update(`${hostname()} ${space}`).digest("hex").slice(0, 12);
}

/** Notes for other processes of what this one holds in a cache: one small file each, named by who holds what. */
export class CacheHolds {
  readonly #folder: string;
  readonly #host = thisHost();
  readonly #suffix = `~${this.#host}~${process.pid}~${randomUUID().slice(0, 8)}`;
  readonly #counts = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(folder: string) {
    this.#folder = folder;
    this.#timer = setInterval(() => void this.#renew(), heartbeat).unref();
  }

  #note(entry: string): string {
    return join(this.#folder, `${entry}${this.#suffix}`);
  }

  /** Says that what there will be `bytes` of is held; once more if it is already. */
  async take(entry: string, bytes: number): Promise<void> {
    this.#counts.set(entry, (this.#counts.get(entry) ?? 0) + 1);
    await writeFile(this.#note(entry), String(bytes));
  }

  /** Gives back what was taken once. @returns whether this process still holds it. */
  give(entry: string): boolean {
    const left = (this.#counts.get(entry) ?? 0) - 1;
    if (left > 0) this.#counts.set(entry, left);
    else {
      this.#counts.delete(entry);
      rmSync(this.#note(entry), { force: true });
    }
    return left > 0;
  }

  /** What anybody holds, and how many bytes there will be of each; notes of the dead are cleared away. */
  async all(): Promise<ReadonlyMap<string, number>> {
    const held = new Map<string, number>();
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (!(await this.#isLive(name, path))) {
        await rm(path, { force: true });
        continue;
      }
      const [entry = ""] = name.split("~");
      const bytes = Number(await readFile(path, "utf8").catch(() => 0));
      held.set(entry, Math.max(held.get(entry) ?? 0, bytes));
    }
    return held;
  }

  async #isLive(name: string, path: string): Promise<boolean> {
    const [, host, pid] = name.split("~");
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) return false;
    const silence = Date.now() - found.mtimeMs;
    return host === this.#host ? isRunning(Number(pid)) && silence < silentHere : silence < silentElsewhere;
  }

  async #renew(): Promise<void> {
    const now = new Date();
    for (const entry of this.#counts.keys()) await utimes(this.#note(entry), now, now).catch(() => undefined);
  }

  /** Gives everything back. */
  close(): void {
    clearInterval(this.#timer);
    for (const entry of this.#counts.keys()) rmSync(this.#note(entry), { force: true });
    this.#counts.clear();
  }
}
