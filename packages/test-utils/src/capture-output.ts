/** What a run returned and wrote. */
export interface CapturedRun<Result> {
  readonly result: Result;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs something and keeps what it writes to stdout and stderr from the terminal. */
export async function captureOutput<Result>(
  run: () => Promise<Result>,
): Promise<CapturedRun<Result>> {
  const written = { stdout: "", stderr: "" };
  const originals = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (chunk: string | Uint8Array): boolean => {
      written[name] += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
      return true;
    };
  }
  try {
    const result = await run();
    return { result, ...written };
  } finally {
    process.stdout.write = originals.stdout;
    process.stderr.write = originals.stderr;
  }
}
