import { Worker, type ResourceLimits } from "node:worker_threads";
import { ClipError } from "@clip-ts/base";
import type { ListMessage, ThreadMessage, ThreadSettings } from "./messages.ts";

/** The threads of a pool; one that ends by itself is replaced. */
export interface Threads {
  /** Tells all threads of a list; one that has it already goes on with it. */
  post(message: ListMessage): void;
  /** Whether the process waits for the threads. */
  hold(isHeld: boolean): void;
  /** Lets each finish its job, then ends it. */
  close(): Promise<void>;
}

/** What a pool does about its threads. */
export interface ThreadEvents {
  message(message: ThreadMessage): void;
  /** A thread has ended by itself; another has taken its place, unless that could not be started. */
  death(thread: number, reason: string): void;
  /** No thread is left, and none can be started. */
  allLost(cause: Error): void;
}

/** How many threads, and how much JavaScript memory each may take. */
export interface ThreadOptions {
  readonly threads: number;
  readonly settings: Omit<ThreadSettings, "thread" | "stop">;
  readonly limits: ResourceLimits | undefined;
}

/** A thread that does not come to an end within so many milliseconds is stopped where it stands. */
const patience = 5000;

const isSource = import.meta.url.endsWith(".ts");

/**
 * What threads run. Node 20 runs no TypeScript: beside sources, as in tests, that is what was built of them, and so
 * without the conditions by which packages are found as sources.
 */
const program = new URL(isSource ? "../../dist/decode-pool/worker.js" : "./worker.js", import.meta.url);
const nodeOptions = isSource ? { execArgv: [] } : {};

interface Thread {
  readonly worker: Worker;
  readonly ready: Promise<void>;
  /** Resolves once it has ended, with the reason if it ended by an error. */
  readonly ended: Promise<Error | undefined>;
}

function startThread(settings: ThreadSettings, options: ThreadOptions, events: ThreadEvents): Thread {
  const worker = new Worker(program, {
    workerData: settings,
    ...nodeOptions,
    ...(options.limits === undefined ? {} : { resourceLimits: options.limits }),
  });
  worker.unref();
  let cause: Error | undefined;
  worker.on("error", (error: Error) => (cause = error));
  const ended = new Promise<Error | undefined>((resolve) => worker.on("exit", () => resolve(cause)));
  const ready = new Promise<void>((resolve, reject) => {
    worker.on("message", (message: ThreadMessage) => {
      if (message.kind === "ready") resolve();
      else events.message(message);
    });
    void ended.then(() => reject(cause ?? new Error("the thread ended before it was ready")));
  });
  ready.catch(() => undefined); // whoever waits for it hears of it
  return { worker, ready, ended };
}

function startError(cause: unknown): ClipError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ClipError("unsupported", `No thread could be started to decode images: ${reason}`, { cause });
}

/**
 * Starts the threads and waits until all are ready.
 * @throws ClipError "unsupported" if one cannot be started.
 */
export async function startThreads(options: ThreadOptions, events: ThreadEvents): Promise<Threads> {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const living = new Map<number, Thread>();
  let started = 0;
  let isHeld = false;

  const add = (): Thread => {
    const number = ++started;
    const thread = startThread({ ...options.settings, thread: number, stop: stop.buffer }, options, events);
    living.set(number, thread);
    if (isHeld) thread.worker.ref();
    void watch(number, thread);
    return thread;
  };

  const watch = async (number: number, { ready, ended }: Thread): Promise<void> => {
    const cause = await ended;
    living.delete(number);
    if (stop[0] !== 0) return;
    const wasReady = await ready.then(
      () => true,
      () => false,
    );
    if (wasReady) add();
    else if (living.size === 0) return events.allLost(startError(cause));
    events.death(number, cause?.message ?? "it ended by itself");
  };

  const close = async (): Promise<void> => {
    Atomics.store(stop, 0, 1);
    const threads = [...living.values()];
    for (const { worker } of threads) {
      worker.ref();
      worker.postMessage({ kind: "stop" });
    }
    const all = Promise.all(threads.map(({ ended }) => ended));
    const timer = setTimeout(() => threads.map(({ worker }) => void worker.terminate()), patience);
    await all;
    clearTimeout(timer);
  };

  const first = Array.from({ length: options.threads }, add);
  for (const { worker } of first) worker.ref();
  await Promise.all(first.map(({ ready }) => ready)).catch(async (cause: unknown) => {
    await close();
    throw startError(cause);
  });
  for (const { worker } of first) worker.unref();

  return {
    post: (message) => {
      for (const { worker } of living.values()) worker.postMessage(message);
    },
    hold(held) {
      isHeld = held;
      for (const { worker } of living.values()) {
        if (held) worker.ref();
        else worker.unref();
      }
    },
    close,
  };
}
