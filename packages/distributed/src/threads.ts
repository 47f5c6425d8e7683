import type { Environment } from "./launch.ts";

/** Threads of libuv unless UV_THREADPOOL_SIZE says otherwise (Node's documentation of its command line). */
const usualThreads = 4;

/** A call of MPI keeps one for as long as it waits; files and pictures are read on the others. */
const enoughThreads = 8;

/**
 * What to do where libuv has too few threads beside calls of MPI; undefined where it has enough. Their number is
 * fixed before a program's first module is loaded: by the launcher, or by a script that sets
 * `process.env.UV_THREADPOOL_SIZE` and then imports the program.
 */
export function threadPoolAdvice(environment: Environment = process.env): string | undefined {
  const threads = Number(environment["UV_THREADPOOL_SIZE"] ?? usualThreads);
  if (threads >= enoughThreads) return undefined;
  return (
    `Node.js reads files and pictures on ${threads} threads, one of which a call of MPI keeps while it waits. ` +
    `Start the ranks with UV_THREADPOOL_SIZE=${enoughThreads} or more.`
  );
}
