import { once } from "node:events";
import { terminalColumns, wrap } from "./text.ts";

let closed = false;
let watched = false;
/** Whether stdout holds a file, so that lines for people go to stderr. */
let taken = false;

/** Whether another process says what there is to say. */
let isSilent = false;

/** From now on nothing is said by this process but errors: it does what another one does, which speaks for both. */
export function silence(): void {
  isSilent = true;
}

/** What a stream says whose reader is gone: a pipe that ended, a terminal that was closed. */
const goneCodes: ReadonlySet<unknown> = new Set(["EPIPE", "EIO", "ECONNRESET", "ENXIO"]);

/**
 * Lets the readers of stdout and stderr go away early (`| head`, a closed terminal) without an error: work
 * that writes files goes on.
 */
export function forgiveClosedPipe(): void {
  if (watched) return;
  watched = true;
  const forgive = (error: NodeJS.ErrnoException): void => {
    if (!goneCodes.has(error.code)) throw error;
  };
  process.stderr.on("error", forgive);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    forgive(error);
    closed = true;
  });
}

/** Writes a line of results to stdout. @returns false once nobody reads them any more. */
export function print(line: string): boolean {
  if (taken) {
    note(line);
    return true;
  }
  if (!closed && !isSilent) process.stdout.write(`${line}\n`);
  return !closed;
}

/** Writes to stderr, for the person at the terminal: a piece of a line, perhaps. */
export function say(text: string): void {
  if (!isSilent) process.stderr.write(text);
}

/** Writes a line for the person at the terminal to stderr. */
export function note(line: string): void {
  say(`${line}\n`);
}

/** Keeps stdout for one file as long as `run` runs: lines of results, and what libraries log, go to stderr. */
export async function keepingStdout<Result>(run: () => Promise<Result>): Promise<Result> {
  const { log, info } = console;
  taken = true;
  console.log = console.error;
  console.info = console.error;
  try {
    return await run();
  } finally {
    taken = false;
    Object.assign(console, { log, info });
  }
}

/** Waits until stdout takes more, or its reader is gone. */
async function drained(): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  const events = ["drain", "close"].map((event) => once(process.stdout, event, { signal }));
  await Promise.race(events).catch((error: NodeJS.ErrnoException) => {
    if (!goneCodes.has(error.code)) throw error;
  });
  over.abort();
}

/** Writes a file's content to stdout, no faster than it is read; what nobody reads any more is dropped. */
export async function writeStdout(content: string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of typeof content === "string" ? [content] : content) {
    if (closed) return;
    if (!process.stdout.write(chunk)) await drained();
  }
}

/** How messages call a file that an option names: "-" is stdout. */
export const nameOfOutput = (path: string): string => (path === "-" ? "stdout" : path);

/** A line on a terminal that counts up in place; nothing where stderr is a file. */
export function counter(label: string, total: number): (done: number) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return (done) => {
    say(`\r${label}: ${done} of ${total}${done >= total ? "\n" : ""}`);
  };
}

const said = new Set<string>();

/** Tells the person at the terminal, once, what is assumed of a model whose files do not say it. */
export function onNotice(line: string): void {
  if (said.has(line)) return;
  said.add(line);
  note(wrap(line, terminalColumns).join("\n"));
}
