let closed = false;
let watched = false;

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
  if (!closed) process.stdout.write(`${line}\n`);
  return !closed;
}

/** Writes a line for the person at the terminal to stderr. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A line on a terminal that counts up in place; nothing where stderr is a file. */
export function counter(label: string, total: number): (done: number) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return (done) => {
    process.stderr.write(`\r${label}: ${done} of ${total}${done >= total ? "\n" : ""}`);
  };
}
