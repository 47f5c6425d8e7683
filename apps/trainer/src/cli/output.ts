let closed = false;
let watched = false;

/** Lets a reader of stdout go away early (`| head`) without an error. */
export function forgiveClosedPipe(): void {
  if (watched) return;
  watched = true;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
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
