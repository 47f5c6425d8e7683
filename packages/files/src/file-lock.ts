import { open, mkdir, type FileHandle } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type * as Koffi from "koffi";

/** Gives a lock back. */
type Release = () => Promise<void>;

/** Takes a lock: `undefined` while somebody else has it, "unable" where the system cannot lock so. */
type TakeLock = (path: string) => Promise<Release | "unable" | undefined>;

/** How long a lock is waited for. */
export interface LockWait {
  /** Milliseconds without a sign of life after which the lock is no longer waited for. */
  readonly patience: number;
  /** Changes as long as whoever has the lock makes progress. */
  readonly signOfLife: () => Promise<unknown>;
  /** Hears that somebody else has the lock. */
  readonly onTaken?: () => void;
}

/** Milliseconds between two looks at a lock that somebody has. */
const pause = 100;

/** From <sys/file.h>; the same numbers on Linux, macOS and the BSDs. */
const exclusive = 2;
const withoutWaiting = 4;

/** Whoever shares the folder may lock, as huggingface_hub sets it. */
const shared = 0o664;

type Flock = (descriptor: number, operation: number) => number;

const require = createRequire(import.meta.url);

/** The C library's flock with its error number, where there is one and it can be called. */
function loadFlock(): { readonly flock: Flock; readonly isTaken: () => boolean } | undefined {
  if (process.platform === "win32") return undefined;
  try {
    const koffi = require("koffi") as typeof Koffi;
    const flock: Flock = koffi.load(null).func("int flock(int, int)");
    const { EAGAIN, EACCES, EINTR } = koffi.os.errno;
    return { flock, isTaken: () => [EAGAIN, EACCES, EINTR].includes(koffi.errno()) };
  } catch {
    return undefined;
  }
}

/**
 * The system's own lock on an open file (flock), as Hugging Face's Python tools take it on the same
 * file. The kernel ends it with the process, however that ends. The file stays, as there: to remove it
 * would leave two processes with a lock each.
 */
export const takeFlock: TakeLock = async (path) => {
  const system = loadFlock();
  if (system === undefined) return "unable";
  // a file of another user's, in a cache that several share, can be locked by who may only read it
  const file: FileHandle = await open(path, "a", shared).catch(() => open(path, "r"));
  if (system.flock(file.fd, exclusive + withoutWaiting) === 0) {
    await file.chmod(shared).catch(() => undefined);
    return () => file.close();
  }
  const isTaken = system.isTaken();
  await file.close();
  return isTaken ? undefined : "unable";
};

/**
 * A folder beside the lock file whose time is renewed as long as the process lives (proper-lockfile):
 * for Windows and file systems without flock. A crash leaves it behind for a minute.
 */
export const takeLockFolder: TakeLock = async (path) => {
  const { lock } = await import("proper-lockfile");
  const options = { lockfilePath: `${path}.held`, realpath: false, stale: 60_000, update: 5000 };
  try {
    // One that was lost, because the process slept for longer than a minute, is found out at the end.
    return await lock(path, { ...options, onCompromised: () => undefined });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ELOCKED" ? undefined : "unable";
  }
};

async function takeOrWait(
  path: string,
  take: TakeLock,
  { patience, signOfLife, onTaken }: LockWait,
): Promise<Release | "unable" | undefined> {
  const first = await take(path);
  if (first !== undefined) return first;
  onTaken?.();
  let seen: unknown;
  for (let since = Date.now(); Date.now() - since <= patience;) {
    await sleep(pause);
    const release = await take(path);
    if (release !== undefined) return release;
    const sign = await signOfLife();
    if (sign !== seen) [seen, since] = [sign, Date.now()];
  }
  return undefined;
}

/**
 * Does something while no other process that asks for the same lock does. `work` hears whether it has
 * the lock: it has none where the system cannot lock, and where whoever has it shows no sign of life for
 * too long. Then it must not touch what the lock guards.
 */
export async function withFileLock<T>(
  path: string,
  wait: LockWait,
  work: (isLocked: boolean) => Promise<T>,
  ways: readonly TakeLock[] = [takeFlock, takeLockFolder],
): Promise<T> {
  let release: Release | "unable" | undefined = "unable";
  try {
    await mkdir(dirname(path), { recursive: true });
    for (const take of ways) {
      if (release === "unable") release = await takeOrWait(path, take, wait);
    }
  } catch {
    release = "unable"; // a folder that nobody may write to
  }
  if (release === "unable" || release === undefined) return work(false);
  try {
    return await work(true);
  } finally {
    await release().catch(() => undefined);
  }
}
